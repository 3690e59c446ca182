package io.nativepythonworker.spark4;

import static org.junit.Assert.assertEquals;

import java.util.Optional;
import org.junit.Test;
import scala.Function0;

public class CapturedFlagTest {
  private static Function0<Object> closure(String text, boolean flag) {
    return () -> text + flag;
  }

  private static Function0<Object> two(boolean first, boolean second) {
    return () -> first == second;
  }

  @Test
  public void theOnlyBooleanOfAClosureIsRead() {
    assertEquals(Optional.of(true), Spark4WorkerFactoryBuilder.capturedFlag(closure("", true)));
    assertEquals(Optional.of(false), Spark4WorkerFactoryBuilder.capturedFlag(closure("", false)));
  }

  @Test
  public void noneOrTwoAreNotGuessed() {
    assertEquals(Optional.empty(), Spark4WorkerFactoryBuilder.capturedFlag(two(true, false)));
    assertEquals(Optional.empty(), Spark4WorkerFactoryBuilder.capturedFlag(new Object()));
  }
}
