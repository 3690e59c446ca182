//! Frames and handshakes between Spark's factory and its Python processes: big-endian `i32`s, and `i32` length + UTF-8.

use std::io::{self, Read, Write};

use crate::spec::Secret;

/// Longest frame that is ever read. Secrets and paths are far shorter; a length beyond it is junk.
const MAX_FRAME: usize = 8 * 1024;

/// Reads an `i32`.
pub(crate) fn read_i32(from: &mut impl Read) -> io::Result<i32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(i32::from_be_bytes(bytes))
}

/// Reads a frame; `InvalidData` where its length is absurd.
pub(crate) fn read_frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = read_i32(from)?;
    read_frame_of(length, from)
}

/// Reads the rest of a frame whose length has been read already.
pub(crate) fn read_frame_of(length: i32, from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).ok().filter(|n| *n <= MAX_FRAME);
    let length = length.ok_or(io::ErrorKind::InvalidData)?;
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes a frame.
pub(crate) fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = i32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(bytes);
    to.write_all(&frame)
}

/// Proves to a worker forked by the daemon that we know the secret; false where it answers anything but `ok`.
pub(crate) fn authenticate_to_worker(
    peer: &mut (impl Read + Write),
    secret: &Secret,
) -> io::Result<bool> {
    write_frame(peer, secret.reveal().as_bytes())?;
    Ok(read_frame(peer)? == b"ok")
}

/// Has a worker that connected to us prove that it knows the secret, and tells it the outcome.
pub(crate) fn authenticate_worker(
    peer: &mut (impl Read + Write),
    secret: &Secret,
) -> io::Result<bool> {
    let known = match read_frame(peer) {
        Ok(offered) => secret.matches(&offered),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => false,
        Err(error) => return Err(error),
    };
    write_frame(peer, if known { b"ok" } else { b"err" })?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A peer that has sent `input` and closed, and takes whatever it is sent.
    struct Peer<'a> {
        input: &'a [u8],
        output: Vec<u8>,
    }

    impl Read for Peer<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.input.read(buffer)
        }
    }

    impl Write for Peer<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.output.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_frame(&mut out, bytes).unwrap();
        out
    }

    #[test]
    fn the_workers_replies_are_sparks_bytes() {
        assert_eq!(frame(b"ok"), [0, 0, 0, 2, 0x6f, 0x6b]);
        assert_eq!(frame(b"err"), [0, 0, 0, 3, 0x65, 0x72, 0x72]);
    }

    #[test]
    fn a_secret_has_the_asked_length_and_is_never_shown() {
        let secret = Secret::draw(256).unwrap();
        assert_eq!(secret.reveal().len(), 64);
        assert_ne!(secret.reveal(), Secret::draw(256).unwrap().reveal());
        assert!(!format!("{secret:?}").contains(secret.reveal()));
    }

    #[test]
    fn a_worker_is_told_whether_its_secret_is_right() {
        let secret = Secret::draw(256).unwrap();
        for (offered, known, reply) in [
            (secret.reveal().to_owned(), true, &b"ok"[..]),
            ("wrong".to_owned(), false, b"err"),
            (String::new(), false, b"err"),
        ] {
            let input = frame(offered.as_bytes());
            let mut peer = Peer {
                input: &input,
                output: Vec::new(),
            };
            assert_eq!(authenticate_worker(&mut peer, &secret).unwrap(), known);
            assert_eq!(peer.output, frame(reply));
        }
    }

    #[test]
    fn an_absurd_length_allocates_nothing() {
        let error = read_frame(&mut &i32::MAX.to_be_bytes()[..]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn frames_come_back_as_they_were(bytes in proptest::collection::vec(any::<u8>(), 0..MAX_FRAME)) {
            prop_assert_eq!(read_frame(&mut &frame(&bytes)[..]).unwrap(), bytes);
        }

        #[test]
        fn no_bytes_make_the_readers_panic_or_pass(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            let secret = Secret::draw(256).unwrap();
            let _ = read_i32(&mut &input[..]);
            let _ = read_frame(&mut &input[..]);
            let mut peer = Peer { input: &input, output: Vec::new() };
            prop_assert!(!authenticate_worker(&mut peer, &secret).unwrap_or(false));
            let mut peer = Peer { input: &input, output: Vec::new() };
            let accepted = authenticate_to_worker(&mut peer, &secret).unwrap_or(false);
            prop_assert_eq!(accepted, input.starts_with(&[0, 0, 0, 2, 0x6f, 0x6b]));
        }
    }
}
