//! Sealing at rest: XChaCha20-Poly1305 envelopes, bound to the table, row and column they stand in, so that a value moved
//! to another place does not open.
//!
//! The master key lies in a file of its own and wraps every other key; the keys of members lie in `keys.db`.

use crate::surroundings::Surroundings;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// Contents are filled up to a multiple of this, so that a sealed value tells little by its length.
const BLOCK_BYTES: usize = 64;
const LENGTH_BYTES: usize = 4;
/// Permissions of a key file: its owner reads and writes it, nobody else does anything.
const KEY_FILE_MODE: u32 = 0o600;

/// Why a key file or a sealed value could not be used.
#[derive(Debug, Error)]
pub enum SealingError {
    /// A sealed value does not open.
    #[error(
        "a sealed value in {table}.{column} does not open; it was damaged or belongs to other keys: restore the data \
         together with the newest keys"
    )]
    DoesNotOpen {
        /// The table it stands in.
        table: &'static str,
        /// The column it stands in.
        column: &'static str,
    },
    /// A value is too long to be sealed.
    #[error("a value for {table}.{column} is too long to be sealed; shorten it")]
    TooLong {
        /// The table it would stand in.
        table: &'static str,
        /// The column it would stand in.
        column: &'static str,
    },
    /// A key file is there already.
    #[error(
        "there is a key file already at {path}; a key is never overwritten: choose another folder"
    )]
    KeyFileExists {
        /// The file.
        path: PathBuf,
    },
    /// The key file is missing.
    #[error("no key file at {path}; put the key that belongs to this folder there")]
    KeyFileMissing {
        /// The file.
        path: PathBuf,
    },
    /// Others may read the key file.
    #[error("others may read or change the key file {path}; run: chmod 600 {path}")]
    KeyFileOpen {
        /// The file.
        path: PathBuf,
    },
    /// The key file does not hold a key.
    #[error(
        "the key file {path} does not hold 32 bytes; put the key that belongs to this folder there"
    )]
    KeyFileDamaged {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read or written.
    #[error("the key file {path} cannot be used")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Where a sealed value stands. A value opens only where it was sealed.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a [u8],
    pub(crate) column: &'static str,
}

impl Place<'_> {
    /// Every part behind its length, so that no two places give the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let parts = [self.table.as_bytes(), self.row, self.column.as_bytes()];
        let mut bytes = b"krog.sealed.v1".to_vec();
        for part in parts {
            // Names and ids here are short constants; a length never reaches 2^32.
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// A key that seals and opens. Overwritten when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SealingKey([u8; 32]);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

impl SealingKey {
    pub(crate) fn generate(surroundings: &Surroundings) -> Self {
        Self(surroundings.bytes())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }

    /// Nonce, ciphertext and tag of `content`, filled up to whole blocks.
    pub(crate) fn seal(
        &self,
        place: Place<'_>,
        content: &[u8],
        surroundings: &Surroundings,
    ) -> Result<Vec<u8>, SealingError> {
        let too_long = || SealingError::TooLong {
            table: place.table,
            column: place.column,
        };
        let length = u32::try_from(content.len()).map_err(|_| too_long())?;
        let filled = (LENGTH_BYTES + content.len()).next_multiple_of(BLOCK_BYTES);
        let mut plain = Zeroizing::new(Vec::with_capacity(filled));
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(content);
        plain.resize(filled, 0);
        let nonce: [u8; NONCE_BYTES] = surroundings.bytes();
        let payload = Payload {
            msg: &plain,
            aad: &place.associated_data(),
        };
        let mut sealed = nonce.to_vec();
        sealed.extend(
            self.cipher()
                .encrypt(&XNonce::from(nonce), payload)
                .map_err(|_| too_long())?,
        );
        Ok(sealed)
    }

    /// The content sealed at `place`.
    pub(crate) fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let refused = || SealingError::DoesNotOpen {
            table: place.table,
            column: place.column,
        };
        let (nonce, rest) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(refused)?;
        if rest.len() < TAG_BYTES {
            return Err(refused());
        }
        let payload = Payload {
            msg: rest,
            aad: &place.associated_data(),
        };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload);
        let plain = Zeroizing::new(plain.map_err(|_| refused())?);
        let (length, content) = plain
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or_else(refused)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| refused())?;
        content
            .get(..length)
            .map(|content| Zeroizing::new(content.to_vec()))
            .ok_or_else(refused)
    }
}

/// The key of the keyed hashes by which equal things are recognised without being stored.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct IndexKey([u8; 32]);

impl IndexKey {
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 (RFC 2104) over the parts, each behind its length.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        const BLOCK: usize = 64;
        let mut inner_pad = Zeroizing::new([0x36_u8; BLOCK]);
        let mut outer_pad = Zeroizing::new([0x5c_u8; BLOCK]);
        for (at, byte) in self.0.iter().enumerate() {
            inner_pad[at] ^= byte;
            outer_pad[at] ^= byte;
        }
        let mut inner = Sha256::new();
        inner.update(*inner_pad);
        for part in parts {
            inner.update((part.len() as u64).to_be_bytes());
            inner.update(part);
        }
        let mut outer = Sha256::new();
        outer.update(*outer_pad);
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(..)")
    }
}

/// Makes a new key file. Never overwrites one.
pub(crate) fn create_key_file(
    path: &Path,
    surroundings: &Surroundings,
) -> Result<SealingKey, SealingError> {
    let key = SealingKey::generate(surroundings);
    let failed = |source| SealingError::KeyFile {
        path: path.to_owned(),
        source,
    };
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(KEY_FILE_MODE)
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(SealingError::KeyFileExists {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    file.write_all(key.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    // The name in the folder must survive a loss of power as well as the bytes.
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(key)
}

/// Reads a key file, refusing one that others may read or change.
pub(crate) fn open_key_file(path: &Path) -> Result<SealingKey, SealingError> {
    let failed = |source| SealingError::KeyFile {
        path: path.to_owned(),
        source,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SealingError::KeyFileMissing {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SealingError::KeyFileOpen {
            path: path.to_owned(),
        });
    }
    let damaged = || SealingError::KeyFileDamaged {
        path: path.to_owned(),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(33));
    Read::by_ref(&mut file)
        .take(33)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| damaged())?;
    Ok(SealingKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::surroundings;
    use proptest::prelude::*;

    fn place(row: &[u8]) -> Place<'_> {
        Place {
            table: "members",
            row,
            column: "sealed",
        }
    }

    #[test]
    fn a_value_moved_to_another_row_column_or_key_does_not_open() {
        let around = surroundings(1);
        let key = SealingKey::generate(&around);
        let sealed = key.seal(place(b"a"), b"content", &around).unwrap();
        assert_eq!(
            key.open(place(b"a"), &sealed).unwrap().as_slice(),
            b"content"
        );
        assert!(key.open(place(b"b"), &sealed).is_err());
        let elsewhere = Place {
            column: "other",
            ..place(b"a")
        };
        assert!(key.open(elsewhere, &sealed).is_err());
        assert!(
            SealingKey::generate(&around)
                .open(place(b"a"), &sealed)
                .is_err()
        );
    }

    #[test]
    fn contents_of_like_length_give_sealed_values_of_one_length() {
        let around = surroundings(1);
        let key = SealingKey::generate(&around);
        let lengths: Vec<usize> = [0, 1, 59, 60]
            .map(|n| key.seal(place(b"a"), &vec![7; n], &around).unwrap().len())
            .to_vec();
        assert!(
            lengths.windows(2).all(|pair| pair[0] == pair[1]),
            "{lengths:?}"
        );
    }

    #[test]
    fn a_key_file_is_never_overwritten_and_never_read_when_others_may_read_it() {
        let around = surroundings(1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let key = create_key_file(&path, &around).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(matches!(
            create_key_file(&path, &around),
            Err(SealingError::KeyFileExists { .. })
        ));
        assert_eq!(open_key_file(&path).unwrap().as_bytes(), key.as_bytes());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            open_key_file(&path),
            Err(SealingError::KeyFileOpen { .. })
        ));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, [1; 33]).unwrap();
        assert!(matches!(
            open_key_file(&path),
            Err(SealingError::KeyFileDamaged { .. })
        ));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            open_key_file(&path),
            Err(SealingError::KeyFileMissing { .. })
        ));
    }

    #[test]
    fn keyed_hashes_do_not_confuse_where_a_part_ends() {
        let key = IndexKey::from_bytes([9; 32]);
        assert_ne!(key.hash(&[b"ab", b"c"]), key.hash(&[b"a", b"bc"]));
        assert_ne!(
            key.hash(&[b"ab"]),
            IndexKey::from_bytes([8; 32]).hash(&[b"ab"])
        );
        assert_eq!(key.hash(&[b"ab"]), key.hash(&[b"ab"]));
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_and_what_was_touched_does_not(
            content in proptest::collection::vec(any::<u8>(), 0..300),
            at in any::<proptest::sample::Index>(),
            bit in 0u8..8,
        ) {
            let around = surroundings(2);
            let key = SealingKey::generate(&around);
            let mut sealed = key.seal(place(b"row"), &content, &around).unwrap();
            let opened = key.open(place(b"row"), &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), content.as_slice());
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(key.open(place(b"row"), &sealed).is_err());
            sealed.truncate(at);
            prop_assert!(key.open(place(b"row"), &sealed).is_err());
        }
    }
}
