package io.nativepythonworker;

import static org.junit.Assert.assertEquals;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.AfterClass;
import org.junit.BeforeClass;
import org.junit.Test;

public class NativesTest {
  @BeforeClass
  public static void start() {
    NativePythonWorkerFactory.start("");
  }

  @AfterClass
  public static void restoreLevel() throws ReflectiveOperationException {
    Method setLevel = NativeEvents.class.getDeclaredMethod("setLogLevel", int.class);
    setLevel.setAccessible(true);
    setLevel.invoke(null, 2);
  }

  @Test
  public void everyNativeIsBoundAndSurvivesNothingness() throws IllegalAccessException {
    List<String> unbound = new ArrayList<>();
    int count = 0;
    for (Class<?> type : List.of(NativePythonWorkerFactory.class, NativeEvents.class)) {
      for (Method method : type.getDeclaredMethods()) {
        if (Modifier.isNative(method.getModifiers())) {
          count++;
          if (!isBound(method)) {
            unbound.add(method.toString());
          }
        }
      }
    }
    assertEquals(List.of(), unbound);
    assertEquals(25, count);
  }

  private static boolean isBound(Method method) throws IllegalAccessException {
    method.setAccessible(true);
    Object[] nothing = Stream.of(method.getParameterTypes()).map(NativesTest::nothing).toArray();
    try {
      method.invoke(null, nothing);
      return true;
    } catch (InvocationTargetException failure) {
      return !(failure.getCause() instanceof UnsatisfiedLinkError);
    }
  }

  private static Object nothing(Class<?> type) {
    if (type == boolean.class) {
      return false;
    }
    if (type == long.class) {
      return 0L;
    }
    return type == int.class ? 0 : null;
  }
}
