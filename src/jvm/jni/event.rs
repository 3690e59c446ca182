//! An event as Java has it.

use jni::sys::{jint, jlong};
use jni::{Env, bind_java_type};

use super::throw::Failure;
use crate::host::Stream;
use crate::jvm::events::{Event, Source};

bind_java_type! {
    pub(super) NativeEvent => io.nativepythonworker.NativeEvent,
    constructors { fn new(kind: jint, factory: jlong, number: jlong, payload: jbyte[]) },
}

const STDOUT: jlong = 1;
const STDERR: jlong = 2;

/// The object that Java gets; fails where its heap is full.
pub(super) fn java_event<'local>(
    env: &mut Env<'local>,
    event: &Event,
) -> Result<NativeEvent<'local>, Failure> {
    let (kind, factory, number, payload) = parts(event);
    let payload = env.byte_array_from_slice(payload)?;
    Ok(NativeEvent::new(env, kind, factory, number, payload)?)
}

/// Kind, factory, number and payload, as `NativeEvent` describes them.
fn parts(event: &Event) -> (jint, jlong, jlong, &[u8]) {
    const LOG: jint = 0;
    const OUTPUT: jint = 1;
    const CLOSE: jint = 2;
    match event {
        Event::Log { level, message } => (LOG, 0, *level as jlong, message.as_bytes()),
        Event::Output { source, bytes } => {
            let stream = match source.stream {
                Stream::Stdout => STDOUT,
                Stream::Stderr => STDERR,
            };
            (OUTPUT, source.factory, stream, bytes)
        }
        Event::Close { factory, worker } => (CLOSE, *factory, worker.0, &[]),
    }
}

/// What an event's factory and number stand for, where it is output.
pub(super) fn source(factory: jlong, number: jlong) -> Source {
    let stream = if number == STDOUT {
        Stream::Stdout
    } else {
        Stream::Stderr
    };
    Source { factory, stream }
}
