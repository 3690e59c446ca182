//! The class of the exception that an error becomes, by which Spark's callers tell errors apart.

use super::Error;

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

impl Error {
    /// The exception type Spark's callers expect.
    pub fn java_type(&self) -> JavaType {
        match self {
            Self::Broken { cause, .. } => cause.java_type(),
            Self::Setting { .. } | Self::Environment { .. } | Self::Authentication => {
                JavaType::IllegalArgument
            }
            Self::Exec { .. } | Self::Io { .. } => JavaType::Io,
            Self::AnnounceEof { .. }
            | Self::BadAddress(_)
            | Self::Start { .. }
            | Self::ConnectBack { .. }
            | Self::Died { .. } => JavaType::Spark,
            Self::LaunchCode { .. }
            | Self::Fork { .. }
            | Self::Unfit { .. }
            | Self::Shadowed
            | Self::LaunchGone { .. }
            | Self::Stopped { .. }
            | Self::NoFactory(_)
            | Self::Unsupported(_) => JavaType::IllegalState,
            Self::Timeout { .. } => JavaType::SocketTimeout,
            Self::Eof { .. } => JavaType::Eof,
        }
    }
}
