//! The file around the pages: objects and their offsets, the tree of pages.

use super::{PAGE, fonts::Fonts};
use flate2::{Compress, Compression, FlushCompress, Status};
use pdf_writer::{Chunk, Filter, Name, Rect, Ref, TextStr};
use std::io::Write;

const CATALOG: Ref = Ref::new(1);
const ROOT: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
/// What pages and forms refer to by name.
const RESOURCES: Ref = Ref::new(4);
const FIRST_FREE: i32 = 5;
/// Pages of one node of the tree.
const NODE: usize = 256;

/// How hard pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For text; more would cost and save nothing on so little of it.
    Usual,
    /// For QR codes: their bits are as good as random.
    Least,
}

impl Effort {
    fn level(self) -> Compression {
        match self {
            Self::Usual => Compression::new(4),
            Self::Least => Compression::new(1),
        }
    }
}

pub struct File {
    out: Vec<u8>,
    /// Bytes that were taken.
    taken: u64,
    /// Where each object begins; 0 for one that is still to come.
    offsets: Vec<u64>,
    next: i32,
    nodes: Vec<(Ref, i32)>,
    /// The node being filled and its pages.
    node: Option<(Ref, Vec<Ref>)>,
    deflate: Compress,
    packed: Vec<u8>,
}

impl File {
    pub fn begin(title: &str, effort: Effort) -> Self {
        let mut file = Self {
            // The second line says to programs that move files that this one is binary.
            out: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(),
            taken: 0,
            offsets: Vec::new(),
            next: FIRST_FREE,
            nodes: Vec::new(),
            node: None,
            deflate: Compress::new(effort.level(), true),
            packed: Vec::new(),
        };
        file.add(|chunk| {
            chunk.indirect(INFO).dict().pair(Name(b"Title"), TextStr(title));
        });
        file
    }

    pub fn reference(&mut self) -> Ref {
        let reference = Ref::new(self.next);
        self.next += 1;
        reference
    }

    /// Writes one object.
    pub fn add(&mut self, write: impl FnOnce(&mut Chunk)) {
        let mut chunk = Chunk::with_capacity(1_024);
        write(&mut chunk);
        for reference in chunk.refs() {
            let at = usize::try_from(reference.get()).unwrap_or_default();
            if self.offsets.len() <= at {
                self.offsets.resize(at + 1, 0);
            }
            self.offsets[at] = self.taken + self.out.len() as u64;
        }
        self.out.extend_from_slice(chunk.as_bytes());
    }

    /// A form XObject that draws `content`.
    pub fn form(&mut self, size: [f32; 2], content: &[u8]) -> Ref {
        let (form, packed) = (self.reference(), self.deflate(content));
        self.add(|chunk| {
            let mut writer = chunk.form_xobject(form, &packed);
            writer.bbox(Rect::new(0.0, 0.0, size[0], size[1]));
            writer.filter(Filter::FlateDecode);
            writer.pair(Name(b"Resources"), RESOURCES);
        });
        form
    }

    pub fn deflate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        self.deflate_into(bytes, &mut packed);
        packed
    }

    fn deflate_into(&mut self, bytes: &[u8], packed: &mut Vec<u8>) {
        self.deflate.reset();
        packed.clear();
        packed.reserve(bytes.len() + 256);
        loop {
            let read = usize::try_from(self.deflate.total_in()).unwrap_or(bytes.len());
            match self.deflate.compress_vec(&bytes[read..], packed, FlushCompress::Finish) {
                Ok(Status::StreamEnd) | Err(_) => return,
                Ok(Status::Ok | Status::BufError) => packed.reserve(bytes.len() + 256),
            }
        }
    }

    pub fn page(&mut self, content: &[u8]) {
        let mut packed = std::mem::take(&mut self.packed);
        self.deflate_into(content, &mut packed);
        let [stream, page] = [self.reference(), self.reference()];
        self.add(|chunk| {
            chunk.stream(stream, &packed).filter(Filter::FlateDecode);
        });
        self.packed = packed;
        let (node, mut pages) = match self.node.take() {
            Some(filling) => filling,
            None => (self.reference(), Vec::with_capacity(NODE)),
        };
        self.add(|chunk| {
            chunk.page(page).parent(node).contents(stream);
        });
        pages.push(page);
        let full = pages.len() == NODE;
        self.node = Some((node, pages));
        if full {
            self.close_node();
        }
    }

    fn close_node(&mut self) {
        let Some((node, pages)) = self.node.take() else { return };
        let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
        self.add(|chunk| {
            chunk.pages(node).parent(ROOT).kids(pages).count(count);
        });
        self.nodes.push((node, count));
    }

    /// The roots, the table of offsets and the trailer.
    pub fn end(&mut self, fonts: &Fonts, objects: &[(Name<'_>, Ref)]) {
        self.close_node();
        let nodes = std::mem::take(&mut self.nodes);
        self.add(|chunk| {
            let mut root = chunk.pages(ROOT);
            root.count(nodes.iter().map(|(_, count)| count).sum());
            root.kids(nodes.iter().map(|(node, _)| *node));
            root.media_box(Rect::new(0.0, 0.0, PAGE[0], PAGE[1]));
            root.pair(Name(b"Resources"), RESOURCES);
        });
        self.add(|chunk| {
            let mut resources = chunk.indirect(RESOURCES).dict();
            resources.insert(Name(b"Font")).dict().pairs(fonts.objects());
            resources.insert(Name(b"XObject")).dict().pairs(objects.iter().copied());
        });
        self.add(|chunk| {
            chunk.indirect(CATALOG).dict().pair(Name(b"Type"), Name(b"Catalog")).pair(Name(b"Pages"), ROOT);
        });
        let start = self.taken + self.out.len() as u64;
        let count = self.offsets.len();
        let mut table = Vec::with_capacity(count * 20 + 256);
        // A `Vec` takes every write.
        let mut written = write!(table, "xref\n0 {count}\n0000000000 65535 f \n");
        for offset in self.offsets.iter().skip(1) {
            written = written.and_then(|()| writeln!(table, "{offset:010} 00000 n "));
        }
        written = written.and_then(|()| {
            let (catalog, info) = (CATALOG.get(), INFO.get());
            writeln!(table, "trailer\n<</Size {count}/Root {catalog} 0 R/Info {info} 0 R>>\nstartxref\n{start}\n%%EOF")
        });
        debug_assert!(written.is_ok(), "memory takes what is written");
        self.out.append(&mut table);
    }

    pub fn ready(&self) -> usize {
        self.out.len()
    }

    pub fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }
}
