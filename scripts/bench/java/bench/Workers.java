package bench;

/**
 * What Spark's runners do with Python workers, in a form that both generations of Spark share.
 *
 * @param <W> what Spark calls a worker
 */
interface Workers<W> {
  W create();

  /** Gives a worker back for the next task. */
  void release(W worker);

  void destroy(W worker);
}
