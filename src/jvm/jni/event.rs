//! An event as Java has it, and the natives of `NativeEvents`, by which Java takes them.

use std::time::Duration;

use jni::objects::JClass;
use jni::sys::{jint, jlong};
use jni::{Env, EnvUnowned, bind_java_type};
use log::LevelFilter;

use super::throw::{Failure, ThrowSparks, without_env};
use crate::host::Stream;
use crate::jvm::events::{Event, Source, events};
use crate::jvm::logger;

bind_java_type! {
    pub(super) NativeEvent => io.nativepythonworker.NativeEvent,
    constructors { fn new(kind: jint, factory: jlong, number: jlong, payload: jbyte[]) },
}

bind_java_type! {
    pub(super) NativeEvents => io.nativepythonworker.NativeEvents,
    type_map = { NativeEvent => io.nativepythonworker.NativeEvent },
    native_trait = EventNatives,
    native_methods_export = false,
    native_methods_error_policy = ThrowSparks,
    native_methods {
        static fn wait_for_event { sig = (timeout_millis: jlong), name = "await" },
        static fn wake(),
        static fn take() -> NativeEvent,
        static raw fn written(factory: jlong, number: jlong, length: jint),
        static fn set_log_level(level: jint),
    },
}

const STDOUT: jlong = 1;
const STDERR: jlong = 2;

/// The object that Java gets; fails where its heap is full.
fn java_event<'local>(
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
fn source(factory: jlong, number: jlong) -> Source {
    let stream = if number == STDOUT {
        Stream::Stdout
    } else {
        Stream::Stderr
    };
    Source { factory, stream }
}

impl EventNatives for NativeEventsAPI {
    type Error = Failure;

    fn wait_for_event<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        timeout_millis: jlong,
    ) -> Result<(), Failure> {
        events().wait(Duration::from_millis(
            u64::try_from(timeout_millis).unwrap_or(0),
        ));
        Ok(())
    }

    fn wake<'local>(_env: &mut Env<'local>, _class: JClass<'local>) -> Result<(), Failure> {
        events().wake();
        Ok(())
    }

    fn take<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
    ) -> Result<NativeEvent<'local>, Failure> {
        let Some(event) = events().take() else {
            return Ok(NativeEvent::null());
        };
        let told = java_event(env, &event);
        if told.is_err() {
            events().put_back(event); // the heap is full: there may be room the next time
        }
        told
    }

    fn written<'local>(
        env: EnvUnowned<'local>,
        _class: JClass<'local>,
        factory: jlong,
        number: jlong,
        length: jint,
    ) {
        without_env(env, || {
            let length = usize::try_from(length).unwrap_or(0);
            events().written(source(factory, number), length);
            Ok(())
        });
    }

    fn set_log_level<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        level: jint,
    ) -> Result<(), Failure> {
        logger::set_level(match level {
            ..=0 => LevelFilter::Off,
            1 => LevelFilter::Error,
            2 => LevelFilter::Warn,
            3 => LevelFilter::Info,
            4 => LevelFilter::Debug,
            5.. => LevelFilter::Trace,
        });
        Ok(())
    }
}
