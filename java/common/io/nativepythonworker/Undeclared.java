package io.nativepythonworker;

/** Throws what no signature declares: Scala's methods declare no checked exceptions. */
public final class Undeclared {
  private Undeclared() {}

  /** Throws {@code failure} as it is; declared to give something so that callers can throw that. */
  @SuppressWarnings("unchecked")
  public static <E extends Throwable> RuntimeException thrown(Throwable failure) throws E {
    throw (E) failure;
  }
}
