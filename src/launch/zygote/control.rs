//! Hears what a zygote says on its control socket, message by message, until there is nobody left to say anything.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use log::warn;
use nix::errno::Errno;

use super::message::Message;
use super::talk::Talk;
use crate::os::supervisor::{Next, Observer};

/// No message is longer.
const MAX_MESSAGE: usize = 64 * 1024;

/// Has the supervisor hear what the zygote says.
pub(super) struct Control(pub(super) Arc<Talk>);

impl Observer for Control {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.control()
    }

    fn ready(&self) -> Next {
        match heard(self.0.control()) {
            Heard::Message(bytes) => {
                match Message::parse(&bytes) {
                    Ok(message) => self.0.hear(message),
                    Err(error) => {
                        warn!("Ignoring a message of the zygote that can't be read: {error}");
                    }
                }
                Next::Keep
            }
            Heard::Nothing => Next::Keep,
            Heard::End => {
                self.0.end();
                Next::Remove
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Message(Vec<u8>),
    Nothing,
    End,
}

fn heard(control: BorrowedFd<'_>) -> Heard {
    let mut buffer = vec![0; MAX_MESSAGE];
    match nix::unistd::read(control, &mut buffer) {
        Ok(0) => Heard::End,
        Ok(count) => {
            buffer.truncate(count);
            Heard::Message(buffer)
        }
        // A reset is told first where the other end has left something unread. What it had sent before is still there.
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNRESET) => Heard::Nothing,
        Err(_) => Heard::End,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use nix::unistd::write;

    use super::*;

    #[test]
    fn last_words_are_heard_though_the_zygote_has_left_a_request_unread() {
        let kind = (AddressFamily::Unix, SockType::SeqPacket);
        let (ours, theirs) = socketpair(kind.0, kind.1, None, SockFlag::SOCK_NONBLOCK).unwrap();
        write(&ours, b"a request").unwrap();
        write(&theirs, b"gone").unwrap();
        drop(theirs);
        let told: Vec<_> = (0..3).map(|_| heard(ours.as_fd())).collect();
        let words = Heard::Message(b"gone".to_vec());
        assert_eq!(told, [Heard::Nothing, words, Heard::End]);
    }
}
