//! A connected socket as a `java.nio.channels.SocketChannel`: the JDK's own class, over our file descriptor. From Java 16 on it
//! takes Unix domain sockets as well; before, Internet sockets only.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use jni::objects::{Global, JByteArray, JObject, LoaderContext};
use jni::sys::jint;
use jni::{Env, bind_java_type};
use nix::sys::socket::{AddressFamily, SockaddrLike, SockaddrStorage, getpeername};
use once_cell::sync::OnceCell;

use super::throw::Failure;
use crate::error::{Error, Step};

bind_java_type! {
    pub(super) FileDescriptor => java.io.FileDescriptor,
    constructors { fn new() },
    fields { fd: jint },
}

// The constructor that `ServerSocketChannelImpl` uses for accepted sockets; the same in JDK 16 to 25.
bind_java_type! {
    pub(super) SocketChannelImpl => sun.nio.ch.SocketChannelImpl,
    constructors {
        fn new(
            provider: java.nio.channels.spi.SelectorProvider,
            family: java.net.ProtocolFamily,
            descriptor: java.io.FileDescriptor,
            remote: java.net.SocketAddress,
        ),
    },
}

// The same constructor in JDK 8 to 15.
bind_java_type! {
    InternetChannelImpl => sun.nio.ch.SocketChannelImpl,
    constructors {
        fn new(
            provider: java.nio.channels.spi.SelectorProvider,
            descriptor: java.io.FileDescriptor,
            remote: java.net.InetSocketAddress,
        ),
    },
}

bind_java_type! {
    SelectorProvider => java.nio.channels.spi.SelectorProvider,
    methods { static fn provider() -> java.nio.channels.spi.SelectorProvider },
}

bind_java_type! {
    StandardProtocolFamily => java.net.StandardProtocolFamily,
    fields {
        static inet { sig = java.net.StandardProtocolFamily, name = "INET" },
        static inet6 { sig = java.net.StandardProtocolFamily, name = "INET6" },
        static unix { sig = java.net.StandardProtocolFamily, name = "UNIX" },
    },
}

bind_java_type! {
    UnixDomainSocketAddress => java.net.UnixDomainSocketAddress,
    methods { static fn of(path: JString) -> java.net.UnixDomainSocketAddress },
}

bind_java_type! {
    InetAddress => java.net.InetAddress,
    methods { static fn get_by_address(bytes: jbyte[]) -> java.net.InetAddress },
}

bind_java_type! {
    InetSocketAddress => java.net.InetSocketAddress,
    constructors { fn new(address: java.net.InetAddress, port: jint) },
}

/// What all channels have in common.
struct Common {
    provider: Global<SelectorProvider<'static>>,
    /// None where Java knows Internet sockets only.
    families: Option<Families>,
}

/// What a channel is told of its socket from Java 16 on.
struct Families {
    inet: Global<StandardProtocolFamily<'static>>,
    inet6: Global<StandardProtocolFamily<'static>>,
    unix: Global<StandardProtocolFamily<'static>>,
    /// The address of a Unix socket without a name.
    unnamed: Global<UnixDomainSocketAddress<'static>>,
}

static COMMON: OnceCell<Common> = OnceCell::new();

impl Families {
    fn get(env: &mut Env<'_>) -> jni::errors::Result<Self> {
        let empty = env.new_string("")?;
        let unnamed = UnixDomainSocketAddress::of(env, empty)?;
        let inet = StandardProtocolFamily::inet(env)?;
        let inet6 = StandardProtocolFamily::inet6(env)?;
        let unix = StandardProtocolFamily::unix(env)?;
        Ok(Self {
            inet: env.new_global_ref(inet)?,
            inet6: env.new_global_ref(inet6)?,
            unix: env.new_global_ref(unix)?,
            unnamed: env.new_global_ref(unnamed)?,
        })
    }
}

impl Common {
    fn get(env: &mut Env<'_>) -> jni::errors::Result<&'static Self> {
        COMMON.get_or_try_init(|| {
            let provider = SelectorProvider::provider(env)?;
            let families = if knows_unix_sockets(env)? {
                Some(Families::get(env)?)
            } else {
                None
            };
            Ok(Self {
                provider: env.new_global_ref(provider)?,
                families,
            })
        })
    }
}

/// Whether this Java's channels can be Unix domain sockets.
fn knows_unix_sockets(env: &mut Env<'_>) -> jni::errors::Result<bool> {
    match UnixDomainSocketAddressAPI::get(env, &LoaderContext::None) {
        Ok(_) => Ok(true),
        Err(jni::errors::Error::NoClassDefFound { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Looks up all that is needed, once; fails where this JDK has it otherwise.
pub(super) fn bind(env: &mut Env<'_>) -> jni::errors::Result<()> {
    let system = LoaderContext::None;
    FileDescriptorAPI::get(env, &system)?;
    SelectorProviderAPI::get(env, &system)?;
    InetAddressAPI::get(env, &system)?;
    InetSocketAddressAPI::get(env, &system)?;
    if knows_unix_sockets(env)? {
        StandardProtocolFamilyAPI::get(env, &system)?;
        SocketChannelImplAPI::get(env, &system)?;
    } else {
        InternetChannelImplAPI::get(env, &system)?;
    }
    Ok(())
}

/// Gives the socket to a new channel, which closes it from then on.
pub(super) fn open<'local>(
    env: &mut Env<'local>,
    socket: OwnedFd,
) -> Result<JObject<'local>, Failure> {
    let common = Common::get(env)?;
    let address: SockaddrStorage = getpeername(socket.as_raw_fd())
        .map_err(|error| Error::io(Step::Connect, std::time::Duration::ZERO)(error.into()))?;
    let descriptor = FileDescriptor::new(env)?;
    // Set first and owned until the channel exists: a failure in between closes the socket, and nothing else does.
    descriptor.set_fd(env, socket.as_raw_fd())?;
    let channel = if let Some(families) = &common.families {
        let (family, remote) = peer(env, families, &address)?;
        SocketChannelImpl::new(env, &common.provider, family, &descriptor, remote)?.into()
    } else {
        let remote = internet_peer(env, inet(&address))?;
        InternetChannelImpl::new(env, &common.provider, &descriptor, remote)?.into()
    };
    let _ = socket.into_raw_fd();
    Ok(channel)
}

fn peer<'local>(
    env: &mut Env<'local>,
    families: &'static Families,
    address: &SockaddrStorage,
) -> Result<(&'static StandardProtocolFamily<'static>, JObject<'local>), Failure> {
    if address.family() == Some(AddressFamily::Unix) {
        let remote = env.new_local_ref(&families.unnamed)?;
        return Ok((&families.unix, remote.into()));
    }
    let address = inet(address);
    let family = match address {
        Some(SocketAddr::V6(_)) => &families.inet6,
        _ => &families.inet,
    };
    Ok((family, internet_peer(env, address)?.into()))
}

/// The peer's address, or that of nobody on this machine where it has none.
fn internet_peer<'local>(
    env: &mut Env<'local>,
    address: Option<SocketAddr>,
) -> Result<InetSocketAddress<'local>, Failure> {
    let (ip, port) = match address {
        Some(SocketAddr::V6(v6)) => (v6.ip().octets().to_vec(), v6.port()),
        Some(SocketAddr::V4(v4)) => (v4.ip().octets().to_vec(), v4.port()),
        None => (vec![127, 0, 0, 1], 0),
    };
    let bytes: JByteArray<'_> = env.byte_array_from_slice(&ip)?;
    let ip = InetAddress::get_by_address(env, bytes)?;
    Ok(InetSocketAddress::new(env, ip, jint::from(port))?)
}

fn inet(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::V6((*v6).into()))
}
