package io.nativepythonworker;

/** Throws checked exceptions that no signature declares: Scala's methods declare none. */
public final class Rethrow {
  private Rethrow() {}

  /** Throws {@code failure} as it is. It returns nothing; callers write {@code throw} before it. */
  @SuppressWarnings("unchecked")
  public static <E extends Throwable> RuntimeException unchecked(Throwable failure) throws E {
    throw (E) failure;
  }
}
