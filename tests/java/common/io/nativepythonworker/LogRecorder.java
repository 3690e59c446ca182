package io.nativepythonworker;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.Property;

/** Keeps what one logger is told while this is open, at every level. */
public final class LogRecorder extends AbstractAppender implements AutoCloseable {
  private final List<String> lines = new CopyOnWriteArrayList<>();
  private final Logger logger;
  private final Level before;

  public LogRecorder(String name) {
    super("recorder", null, null, true, Property.EMPTY_ARRAY);
    before = LogManager.getLogger(name).getLevel();
    Configurator.setLevel(name, Level.ALL);
    logger = (Logger) LogManager.getLogger(name);
    start();
    logger.addAppender(this);
  }

  @Override
  public void append(LogEvent event) {
    lines.add(event.getLevel() + " " + event.getMessage().getFormattedMessage());
  }

  /** Level and message of each event so far. */
  public List<String> lines() {
    return List.copyOf(lines);
  }

  public void setLevel(Level level) {
    Configurator.setLevel(logger.getName(), level);
  }

  @Override
  public void close() {
    logger.removeAppender(this);
    Configurator.setLevel(logger.getName(), before);
  }
}
