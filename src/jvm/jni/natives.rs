//! The natives of `NativePythonWorkerFactory`, and the one that binds all of them.

use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use jni::objects::{JClass, JObjectArray, JString, LoaderContext};
use jni::sys::{jboolean, jlong};
use jni::{Env, EnvUnowned, NativeMethod, bind_java_type, native_method};
use serde_json::json;

use super::channel;
use super::convert::pairs;
use super::event::{NativeEventAPI, NativeEventsAPI};
use super::throw::{self, Failure, ThrowSparks, first_without_env, without_env};
use crate::error::{Error, Step};
use crate::factory::{Factory, Handout, Taken};
use crate::host::WorkerId;
use crate::jvm::events::events;
use crate::jvm::{logger, registry, report};
use crate::launch::zygote;
use crate::os::process;
use crate::spec::{FactorySpec, Settings};

bind_java_type! {
    pub(super) NativeWorker => io.nativepythonworker.NativeWorker,
    constructors { fn new(id: jlong, pid: jlong, channel: java.nio.channels.SocketChannel) },
}

bind_java_type! {
    pub(super) NativePythonWorkerFactory => io.nativepythonworker.NativePythonWorkerFactory,
    type_map = { NativeWorker => io.nativepythonworker.NativeWorker },
    native_trait = FactoryNatives,
    native_methods_export = false,
    native_methods_error_policy = ThrowSparks,
    native_methods {
        static fn check(settings: JString[]),
        static fn prewarm(properties: JString[], environment: JString[], when_idle: jboolean),
        static fn release_prewarmed(),
        static fn load_too(modules: JString),
        static fn report() -> JString,
        static fn loaded_ahead(spark: JString) -> JString,
        static fn open(properties: JString[], environment: JString[]) -> jlong,
        static raw fn take(factory: jlong, ready: NativeWorker[]) -> jlong,
        static fn create(factory: jlong) -> NativeWorker,
        static fn unconnected() -> NativeWorker,
        static fn create_simple(factory: jlong, worker_module: JString) -> NativeWorker,
        static raw fn release(factory: jlong, worker: jlong),
        static fn stop_worker(factory: jlong, worker: jlong),
        static fn closed(factory: jlong, worker: jlong),
        static fn is_alive(factory: jlong, worker: jlong) -> jboolean,
        static fn why_ended(factory: jlong, worker: jlong) -> JString,
        static fn is_unused(factory: jlong) -> jboolean,
        static fn terminate(factory: jlong, worker: jlong) -> jboolean,
        static fn stop(factory: jlong),
    },
}

const _: NativeMethod = native_method! {
    java_type = "io.nativepythonworker.NativePythonWorkerFactory",
    static extern fn initialize(version: JString),
    error_policy = ThrowSparks,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is the macro's"
)]
fn initialize<'local>(
    env: &mut Env<'local>,
    class: JClass<'local>,
    version: JString<'local>,
) -> Result<(), Failure> {
    process::check_kernel()?;
    check_version(env, &version)?;
    let loader = class.get_class_loader(env)?;
    let context = LoaderContext::Loader(&loader);
    throw::prepare(env)?;
    channel::bind(env)?;
    NativeWorkerAPI::get(env, &context)?;
    NativeEventAPI::get(env, &context)?;
    NativePythonWorkerFactoryAPI::get(env, &context)?;
    NativeEventsAPI::get(env, &context)?;
    logger::log_to_jvm();
    Ok(())
}

/// A library found on the library path may be another release's than the jar. Classes in no jar have no version.
fn check_version(env: &Env<'_>, jar: &JString<'_>) -> Result<(), Failure> {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    if jar.is_null() {
        return Ok(());
    }
    let jar = jar.try_to_string(env)?;
    if jar == OWN {
        return Ok(());
    }
    let text = format!("the native library is of version {OWN}, the jar of version {jar}");
    Err(Error::Unsupported(text).into())
}

fn spec(
    env: &mut Env<'_>,
    properties: &JObjectArray<'_, JString<'_>>,
    environment: &JObjectArray<'_, JString<'_>>,
) -> Result<FactorySpec, Failure> {
    let properties = pairs(env, properties)?.into_iter().collect();
    let environment = pairs(env, environment)?;
    Ok(FactorySpec::new(&properties, environment)?)
}

/// The id of no worker: what `take` gives where none is idle.
const NO_WORKER: jlong = 0;

/// Makes Java's object of a new worker. Where that fails nobody else can stop the worker, so it is stopped here.
fn worker<'local>(
    env: &mut Env<'local>,
    factory: &Factory,
    handout: Handout,
) -> Result<NativeWorker<'local>, Failure> {
    let id = handout.worker.id();
    let pid = jlong::from(handout.worker.pid());
    let object = channel::open(env, handout.socket)
        .and_then(|channel| Ok(NativeWorker::new(env, id.0, pid, channel)?));
    if object.is_err() {
        factory.stop_worker(id);
    }
    object
}

/// For what is no error on a factory that was stopped: there is nothing left to do it with.
fn if_open<T: Default>(factory: jlong, action: impl FnOnce(&Arc<Factory>) -> T) -> T {
    registry::find(factory).map_or_else(|_| T::default(), |factory| action(&factory))
}

impl FactoryNatives for NativePythonWorkerFactoryAPI {
    type Error = Failure;

    fn check<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        settings: JObjectArray<'local, JString<'local>>,
    ) -> Result<(), Failure> {
        let settings = pairs(env, &settings)?.into_iter().collect();
        Settings::from_conf(&settings)?;
        Ok(())
    }

    fn prewarm<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        properties: JObjectArray<'local, JString<'local>>,
        environment: JObjectArray<'local, JString<'local>>,
        when_idle: bool,
    ) -> Result<(), Failure> {
        registry::prewarm(spec(env, &properties, &environment)?, when_idle);
        Ok(())
    }

    fn release_prewarmed<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
    ) -> Result<(), Failure> {
        zygote::release_prewarmed();
        Ok(())
    }

    fn load_too<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        modules: JString<'local>,
    ) -> Result<(), Failure> {
        let modules = modules.try_to_string(env)?;
        let names = modules.split(',').filter(|name| !name.is_empty());
        zygote::load_too(names.map(str::to_owned));
        Ok(())
    }

    fn report<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
    ) -> Result<JString<'local>, Failure> {
        Ok(env.new_string(json!(report::report()).to_string())?)
    }

    fn loaded_ahead<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        spark: JString<'local>,
    ) -> Result<JString<'local>, Failure> {
        let spark = spark.try_to_string(env)?;
        Ok(env.new_string(json!(zygote::loaded_ahead(&spark)).to_string())?)
    }

    fn open<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        properties: JObjectArray<'local, JString<'local>>,
        environment: JObjectArray<'local, JString<'local>>,
    ) -> Result<jlong, Failure> {
        Ok(registry::open(spec(env, &properties, &environment)?))
    }

    fn take<'local>(
        env: EnvUnowned<'local>,
        _class: JClass<'local>,
        factory: jlong,
        ready: JObjectArray<'local, NativeWorker<'local>>,
    ) -> jlong {
        let taken = || {
            let factory = registry::find(factory)?;
            Ok(match factory.take()? {
                Some(Taken::Idle(worker)) => ControlFlow::Break(worker.id().0),
                Some(Taken::Ready(handout)) => ControlFlow::Continue((factory, handout)),
                None => ControlFlow::Break(NO_WORKER),
            })
        };
        first_without_env(env, taken, |env, (factory, handout)| {
            let id = handout.worker.id();
            let given = worker(env, &factory, handout)
                .and_then(|worker| Ok(ready.set_element(env, 0, worker)?));
            if given.is_err() {
                factory.stop_worker(id);
            }
            given.map(|()| NO_WORKER)
        })
    }

    fn create<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
    ) -> Result<NativeWorker<'local>, Failure> {
        let factory = registry::find(factory)?;
        let handout = factory.create()?;
        worker(env, &factory, handout)
    }

    fn unconnected<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
    ) -> Result<NativeWorker<'local>, Failure> {
        let failed = Error::io(Step::Connect, Duration::ZERO);
        let (socket, _ended) = UnixStream::pair().map_err(failed)?;
        let channel = channel::open(env, socket.into())?;
        let pid = jlong::from(std::process::id());
        Ok(NativeWorker::new(env, NO_WORKER, pid, channel)?)
    }

    fn create_simple<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker_module: JString<'local>,
    ) -> Result<NativeWorker<'local>, Failure> {
        let module = if worker_module.is_null() {
            None
        } else {
            Some(worker_module.try_to_string(env)?)
        };
        let factory = registry::find(factory)?;
        let handout = factory.create_simple(module)?;
        worker(env, &factory, handout)
    }

    fn release<'local>(
        env: EnvUnowned<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker: jlong,
    ) {
        without_env(env, || {
            match registry::find(factory) {
                Ok(found) => found.release(WorkerId(worker)),
                Err(_) => events().close(factory, WorkerId(worker)),
            }
            Ok(())
        });
    }

    fn stop_worker<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker: jlong,
    ) -> Result<(), Failure> {
        if_open(factory, |factory| factory.stop_worker(WorkerId(worker)));
        Ok(())
    }

    fn closed<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker: jlong,
    ) -> Result<(), Failure> {
        if_open(factory, |factory| factory.socket_closed(WorkerId(worker)));
        Ok(())
    }

    fn is_alive<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker: jlong,
    ) -> Result<jboolean, Failure> {
        Ok(if_open(factory, |factory| {
            factory.is_alive(WorkerId(worker))
        }))
    }

    fn why_ended<'local>(
        env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker: jlong,
    ) -> Result<JString<'local>, Failure> {
        match if_open(factory, |factory| factory.why_ended(WorkerId(worker))) {
            Some(text) => Ok(env.new_string(text)?),
            None => Ok(JString::null()),
        }
    }

    fn is_unused<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
    ) -> Result<jboolean, Failure> {
        Ok(if_open(factory, |factory| factory.is_unused()))
    }

    fn terminate<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
        worker: jlong,
    ) -> Result<jboolean, Failure> {
        Ok(if_open(factory, |factory| {
            factory.terminate_worker(WorkerId(worker))
        }))
    }

    fn stop<'local>(
        _env: &mut Env<'local>,
        _class: JClass<'local>,
        factory: jlong,
    ) -> Result<(), Failure> {
        registry::stop(factory);
        Ok(())
    }
}
