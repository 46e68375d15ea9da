use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// SHA-256(0x00 ‖ bytes), RFC 6962 section 2.1.
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A Merkle tree that is given its leaves one by one and keeps no more than one hash for each level.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Roots of complete subtrees, largest first, each with its number of leaves.
    peaks: Vec<(u64, Hash)>,
    count: u64,
}

impl Tree {
    pub fn of(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::default();
        for leaf in leaves {
            tree.push(leaf);
        }
        tree
    }

    pub fn push(&mut self, leaf: Hash) {
        let (mut size, mut hash) = (1, leaf);
        while let Some((left_size, left)) = self.peaks.last() {
            if *left_size != size {
                break;
            }
            hash = node(left, &hash);
            size *= 2;
            self.peaks.pop();
        }
        self.peaks.push((size, hash));
        self.count += 1;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// SHA-256 of nothing when there are no leaves.
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.peaks.iter().rev().map(|(_, hash)| *hash);
        match smallest_first.next() {
            None => Sha256::digest([]).into(),
            Some(last) => smallest_first.fold(last, |right, left| node(&left, &right)),
        }
    }
}
