//! The class of the exception that an error becomes, by which Spark's callers tell errors apart.

/// The Java exception an [`Error`] becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JavaType {
    /// `java.io.IOException`
    Io,
    /// `java.io.EOFException`
    Eof,
    /// `java.net.SocketTimeoutException`
    SocketTimeout,
    /// `java.lang.IllegalArgumentException`
    IllegalArgument,
    /// `java.lang.IllegalStateException`
    IllegalState,
    /// `org.apache.spark.SparkException`
    Spark,
}

impl JavaType {
    /// The class's binary name with dots.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Io => "java.io.IOException",
            Self::Eof => "java.io.EOFException",
            Self::SocketTimeout => "java.net.SocketTimeoutException",
            Self::IllegalArgument => "java.lang.IllegalArgumentException",
            Self::IllegalState => "java.lang.IllegalStateException",
            Self::Spark => "org.apache.spark.SparkException",
        }
    }
}
