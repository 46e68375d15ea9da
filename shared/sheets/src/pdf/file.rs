//! The file around the pages: objects and their offsets, the tree of pages.

use super::{PAGE, fonts::Fonts};
use flate2::{Compress, Compression, FlushCompress, Status};
use pdf_writer::{Chunk, Filter, Name, Rect, Ref, TextStr};

const CATALOG: Ref = Ref::new(1);
const ROOT: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
/// What pages and forms refer to by name.
const RESOURCES: Ref = Ref::new(4);
const FIRST_FREE: i32 = 5;
/// An object's entry in the cross-reference stream: its kind, and where it begins in five bytes (a terabyte).
const ENTRY: usize = 6;
const IN_USE: u8 = 1;
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
    /// What the cross-reference stream will say: [`ENTRY`] bytes for each object.
    entries: Vec<u8>,
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
            entries: Vec::new(),
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
            self.enter(reference);
        }
        self.out.extend_from_slice(chunk.as_bytes());
    }

    /// Notes that the object begins here.
    fn enter(&mut self, object: Ref) {
        let at = usize::try_from(object.get()).unwrap_or_default() * ENTRY;
        if self.entries.len() < at + ENTRY {
            self.entries.resize(at + ENTRY, 0);
        }
        let offset = (self.taken + self.out.len() as u64).to_be_bytes();
        let entry = &mut self.entries[at..at + ENTRY];
        entry[0] = IN_USE;
        entry[1..].copy_from_slice(&offset[offset.len() - (ENTRY - 1)..]);
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

    /// The roots and the table of offsets. A million codes have 170,000 objects: as a stream the table is a tenth as
    /// large as in text.
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
        let table = self.reference();
        self.enter(table);
        let start = self.taken + self.out.len() as u64;
        let entries = std::mem::take(&mut self.entries);
        let packed = self.deflate(&entries);
        self.add(|chunk| {
            let mut stream = chunk.stream(table, &packed);
            stream.filter(Filter::FlateDecode);
            stream.pair(Name(b"Type"), Name(b"XRef")).pair(Name(b"Root"), CATALOG).pair(Name(b"Info"), INFO);
            stream.pair(Name(b"Size"), i32::try_from(entries.len() / ENTRY).unwrap_or(i32::MAX));
            stream.insert(Name(b"W")).array().items([1, ENTRY as i32 - 1, 0]);
        });
        self.out.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
    }

    pub fn ready(&self) -> usize {
        self.out.len()
    }

    pub fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        let like_this = Vec::with_capacity(self.out.len());
        std::mem::replace(&mut self.out, like_this)
    }
}
