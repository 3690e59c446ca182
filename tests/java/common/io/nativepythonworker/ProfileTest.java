package io.nativepythonworker;

import static io.nativepythonworker.TestSpark.eventually;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.junit.After;
import org.junit.Before;
import org.junit.BeforeClass;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class ProfileTest {
  private static final String LOGGER = "io.nativepythonworker.NativePythonWorkerPlugin";
  private static final Profile.Patience LONG = new Profile.Patience(60_000, 60_000);
  private static final Profile.Patience SHORT = new Profile.Patience(50, 50);

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  private final List<String> late = new CopyOnWriteArrayList<>();
  private final SparkConf conf = new SparkConf(false);
  private Path file;
  private LogRecorder log;

  /** Else Spark sets its loggers up under a recorder, with its first line. */
  @BeforeClass
  public static void setLoggersUp() {
    new SparkConf(false).log();
  }

  @Before
  public void record() {
    file = folder.getRoot().toPath().resolve("profile");
    log = new LogRecorder(LOGGER);
  }

  @After
  public void close() {
    log.close();
  }

  private Profile begin(String name, Profile.Patience patience) {
    conf.set(Profile.SETTING, name);
    return Profile.begin(conf, SlowFileSystem.configuration(), late::add, patience);
  }

  private List<String> warnings() {
    return log.lines().stream()
        .filter(line -> line.startsWith("WARN"))
        .collect(Collectors.toList());
  }

  private String onlyWarning() {
    assertEquals(warnings().toString(), 1, warnings().size());
    String warning = warnings().get(0);
    assertTrue(warning, warning.contains(file.toString()));
    return warning;
  }

  /** The names of all files that are there. */
  private List<String> files() throws IOException {
    try (Stream<Path> all = Files.list(folder.getRoot().toPath())) {
      return all.map(path -> path.getFileName().toString()).collect(Collectors.toList());
    }
  }

  @Test
  public void withoutTheSettingThereIsNone() {
    assertNull(begin(" ", LONG));
  }

  @Test
  public void aMissingFileIsAnEmptyOneAndIsMade() throws Exception {
    file = folder.getRoot().toPath().resolve("new/folder/profile");
    Profile profile = begin(file.toString(), LONG);
    assertEquals("", profile.await());
    profile.leave(List.of("a.b", "c"), List.of("d"));
    assertEquals("a.b,c", begin(file.toString(), LONG).await());
    assertEquals(List.of(), warnings());
  }

  @Test
  public void whatIsFoundIsAddedAndTakenOut() throws Exception {
    for (String name : new String[] {file.toString(), file.toUri().toString(), "slow:" + file}) {
      Files.writeString(file, "# of ours\nold\nbad\n");
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-r--"));
      Profile profile = begin(name, LONG);
      assertEquals("old,bad", profile.await());
      profile.leave(List.of("new", "old"), List.of("bad"));
      assertEquals(name, "# of ours\nold\nnew\n", Files.readString(file));
      assertEquals("rw-rw-r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
      assertEquals(List.of("profile"), files());
    }
    assertEquals(List.of(), warnings());
    assertTrue(log.lines().toString(), log.lines().get(0).contains("added [new], taken out [bad]"));
  }

  @Test
  public void whatAUserOrAnotherApplicationHasWrittenMeanwhileStays() throws Exception {
    Profile profile = begin(file.toString(), LONG);
    profile.await();
    Files.writeString(file, "anothers\n");
    profile.leave(List.of("own"), List.of());
    assertEquals("anothers\nown\n", Files.readString(file));
    Files.writeString(file, "edited\n");
    assertEquals("edited", begin(file.toString(), LONG).await());
  }

  @Test
  public void whereNothingChangesItIsNotWritten() throws Exception {
    Files.writeString(file, "a\n");
    Object before = Files.readAttributes(file, "unix:ino").get("ino");
    Profile profile = begin(file.toString(), LONG);
    profile.await();
    profile.leave(List.of("a"), List.of("b"));
    assertEquals(before, Files.readAttributes(file, "unix:ino").get("ino"));
  }

  @Test
  public void whereNothingIsToBeLearnedItIsOnlyRead() throws Exception {
    Files.writeString(file, "a\n");
    conf.set("spark.nativePythonWorker.preload.learn", "Off");
    Profile profile = begin(file.toString(), LONG);
    assertEquals("a", profile.await());
    profile.leave(List.of("b"), List.of("a"));
    assertEquals("a\n", Files.readString(file));
  }

  @Test
  public void aFileWithOtherThingsInItIsReadWithOneWarningAndLeftAlone() throws Exception {
    Files.writeString(file, "a\nspark.jars  /x.jar\nb.c\n<html>\n");
    Profile profile = begin(file.toString(), LONG);
    assertEquals("a,b.c", profile.await());
    profile.leave(List.of("d"), List.of("a"));
    assertEquals("a\nspark.jars  /x.jar\nb.c\n<html>\n", Files.readString(file));
    String warning = onlyWarning();
    assertTrue(warning, warning.contains(": 2 of its lines") && warning.contains("spark.jars  /x"));
  }

  @Test
  public void whatCannotBeReadIsToldOnceAndLeftAlone() throws Exception {
    Files.createDirectory(file);
    Profile directory = begin(file.toString(), LONG);
    assertEquals("", directory.await());
    directory.leave(List.of("a"), List.of());
    assertTrue(onlyWarning(), onlyWarning().contains("it can't be read: "));
    assertEquals(List.of("profile"), files());
  }

  @Test
  public void oneThatIsTooLargeOrOfNoFileSystemIsNotRead() throws Exception {
    Files.writeString(file, "a\n".repeat(ProfileFile.MOST_BYTES));
    assertEquals("", begin(file.toString(), LONG).await());
    assertTrue(onlyWarning(), onlyWarning().contains("more than 65536 bytes"));
    assertEquals("", begin("nosuch://host/x", LONG).await());
    assertTrue(warnings().get(1), warnings().get(1).contains("nosuch"));
    assertEquals("", begin("a:b:c", LONG).await());
    assertEquals(3, warnings().size());
  }

  @Test
  public void whatCannotBeWrittenIsToldOnce() throws Exception {
    Files.writeString(folder.getRoot().toPath().resolve("folder"), "a file, in fact");
    file = folder.getRoot().toPath().resolve("folder/profile");
    Profile profile = begin(file.toString(), LONG);
    profile.await();
    profile.leave(List.of("a"), List.of());
    assertTrue(onlyWarning(), onlyWarning().contains("it can't be "));
    assertEquals(List.of("folder"), files());
  }

  @Test
  public void aFileSystemThatHangsHoldsNothingUpAndWhatComesLateIsLoaded() throws Exception {
    Files.writeString(file, "a\nb\n");
    CountDownLatch gate = SlowFileSystem.shut();
    try {
      Profile profile = begin("slow:" + file, SHORT);
      assertNull(profile.await());
      assertEquals("", profile.known());
      gate.countDown();
      assertTrue(eventually(() -> late.equals(List.of("a,b"))));
      assertEquals("a,b", profile.known());
      assertEquals(List.of(), warnings());
    } finally {
      gate.countDown();
    }
  }

  @Test
  public void whatComesAfterTheApplicationIsLoadedByNoOther() throws Exception {
    Files.writeString(file, "a\n");
    CountDownLatch gate = SlowFileSystem.shut();
    try {
      Profile profile = begin("slow:" + file, SHORT);
      assertNull(profile.await());
      profile.leave(List.of("b"), List.of());
      assertTrue(onlyWarning(), onlyWarning().contains("still being read"));
      gate.countDown();
      assertTrue(eventually(() -> profile.known().equals("a")));
      assertEquals(List.of(), late);
      assertEquals("a\n", Files.readString(file));
    } finally {
      gate.countDown();
    }
  }

  @Test
  public void aFileSystemThatHangsAtTheEndIsLeftBehind() throws Exception {
    Files.writeString(file, "a\n");
    Profile profile = begin("slow:" + file, new Profile.Patience(60_000, 50));
    assertEquals("a", profile.await());
    CountDownLatch gate = SlowFileSystem.shut();
    try {
      profile.leave(List.of("b"), List.of());
      assertTrue(onlyWarning(), onlyWarning().contains("not written after 50 ms"));
      assertEquals("a\n", Files.readString(file));
    } finally {
      gate.countDown();
    }
    assertTrue(eventually(() -> has("a\nb\n")));
    assertFalse(warnings().size() > 1);
  }

  private boolean has(String text) {
    try {
      return Files.readString(file).equals(text);
    } catch (IOException failure) {
      return false; // it is being replaced
    }
  }
}
