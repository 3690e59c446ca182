//! Errors become Java exceptions here and nowhere else; so do panics.

use std::any::Any;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use jni::errors::ErrorPolicy;
use jni::objects::{JThrowable, JValue};
use jni::refs::Global;
use jni::strings::JNIString;
use jni::{Env, EnvUnowned, jni_sig, jni_str};
use once_cell::sync::OnceCell;

use crate::error::{Error, JavaType};

/// Why a native did not do its work.
#[derive(Debug)]
pub(super) enum Failure {
    /// The factory's own error.
    Factory(Error),
    /// A call into the JVM failed; the exception may be pending already.
    Jni(jni::errors::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Factory(error)
    }
}

impl From<jni::errors::Error> for Failure {
    fn from(error: jni::errors::Error) -> Self {
        Self::Jni(error)
    }
}

/// Thrown where the heap has no room for an exception: a native that has failed must not seem to have found nothing.
static FULL_HEAP: OnceCell<Global<JThrowable<'static>>> = OnceCell::new();

/// Makes what is thrown when nothing can be made any more.
pub(super) fn prepare(env: &mut Env<'_>) -> Result<(), Failure> {
    FULL_HEAP.get_or_try_init(|| {
        let text = env.new_string("The heap has no room for what the native side has to tell")?;
        let signature = jni_sig!((message: java.lang.String) -> void);
        let class = jni_str!("java/lang/OutOfMemoryError");
        let error = env.new_object(class, signature, &[JValue::from(&*text)])?;
        let error = env.cast_local::<JThrowable>(error)?;
        env.new_global_ref(error)
    })?;
    Ok(())
}

/// Throws, and has the native return its type's default, which Java never sees.
#[derive(Debug)]
pub(super) struct ThrowSparks;

impl<T: Default> ErrorPolicy<T, Failure> for ThrowSparks {
    type Captures<'u: 'n, 'n> = ();

    fn on_error<'u: 'n, 'n>(
        env: &mut Env<'u>,
        (): &mut (),
        failure: Failure,
    ) -> jni::errors::Result<T> {
        if env.exception_check() {
            return Ok(T::default()); // a Java exception is on its way up already
        }
        let thrown = match failure {
            Failure::Factory(error) => throw(env, &error),
            Failure::Jni(error) => throw_new(env, JavaType::IllegalState, &error.to_string()),
        };
        settle(env, thrown)
    }

    fn on_panic<'u: 'n, 'n>(
        env: &mut Env<'u>,
        (): &mut (),
        payload: Box<dyn Any + Send>,
    ) -> jni::errors::Result<T> {
        let text = format!(
            "Bug in the native Python worker factory: {}",
            panic_text(&*payload)
        );
        if env.exception_check() {
            return Ok(T::default());
        }
        let thrown = throw_new(env, JavaType::IllegalState, &text);
        settle(env, thrown)
    }
}

/// Runs a native that needs no `Env`, and saves what one costs: for those in the way of every task.
pub(super) fn without_env<T: Default>(
    env: EnvUnowned<'_>,
    native: impl FnOnce() -> Result<T, Failure>,
) -> T {
    first_without_env(
        env,
        || native().map(ControlFlow::Break),
        |_, never: Infallible| match never {},
    )
}

/// The same for a native that seldom needs an `Env`: where `native` does not end it, `rest` goes on with what it has found.
pub(super) fn first_without_env<'local, T: Default, F>(
    mut env: EnvUnowned<'local>,
    native: impl FnOnce() -> Result<ControlFlow<T, F>, Failure>,
    rest: impl FnOnce(&mut Env<'local>, F) -> Result<T, Failure>,
) -> T {
    match catch_unwind(AssertUnwindSafe(native)) {
        Ok(Ok(ControlFlow::Break(value))) => value,
        Ok(Ok(ControlFlow::Continue(found))) => env
            .with_env(|env| rest(env, found))
            .resolve::<ThrowSparks>(),
        Ok(Err(failure)) => env.with_env(|_| Err(failure)).resolve::<ThrowSparks>(),
        Err(payload) => env
            .with_env(|_| -> Result<T, Failure> { resume_unwind(payload) })
            .resolve::<ThrowSparks>(),
    }
}

/// Throwing gives `Err(JavaException)`, which is success.
fn settle<T: Default>(
    env: &mut Env<'_>,
    thrown: jni::errors::Result<()>,
) -> jni::errors::Result<T> {
    use jni::errors::Error::JavaException;
    match thrown {
        Ok(()) | Err(JavaException) => Ok(T::default()),
        Err(failed) => match FULL_HEAP.get().map(|prepared| env.throw(prepared)) {
            Some(Err(JavaException)) => Ok(T::default()),
            _ => Err(failed),
        },
    }
}

fn throw(env: &mut Env<'_>, error: &Error) -> jni::errors::Result<()> {
    let Some(cause) = error.cause() else {
        return throw_new(env, error.java_type(), &error.to_string());
    };
    let cause = exception(env, cause.java_type(), &cause.to_string())?;
    let effect = exception(env, error.java_type(), &error.to_string())?;
    let signature = jni_sig!((cause: java.lang.Throwable) -> java.lang.Throwable);
    env.call_method(
        &effect,
        jni_str!("initCause"),
        signature,
        &[JValue::from(&*cause)],
    )?;
    env.throw(effect)
}

fn throw_new(env: &mut Env<'_>, class: JavaType, text: &str) -> jni::errors::Result<()> {
    let exception = exception(env, class, text)?;
    env.throw(exception)
}

fn exception<'local>(
    env: &mut Env<'local>,
    class: JavaType,
    text: &str,
) -> jni::errors::Result<JThrowable<'local>> {
    let name = JNIString::new(class.class_name().replace('.', "/"));
    let text = env.new_string(text)?;
    let signature = jni_sig!((message: java.lang.String) -> void);
    let object = env.new_object(name, signature, &[JValue::from(&*text)])?;
    env.cast_local::<JThrowable>(object)
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("panic without a message")
}
