//! One frame by stages, each between two marks that an emulator's instruction counter looks for and every processor passes over.

use core::arch::asm;

use door_firmware::eyes::Memory;
use door_firmware::rehearsal::LEN;
use door_firmware::visit::Visit;
use edge_infer::detect::{Detector, Face, Limits};
use edge_infer::engine::Engine;
use edge_infer::image::quality::Quality;
use edge_infer::image::{Frame, align};
use edge_infer::kernels::Tier;
use edge_infer::matching::{GalleryView, Template};
use model_format::ModelView;
use semihosting::println;

use crate::files::Store;
use crate::program::{Told, read};
use crate::visit::ROOM;

/// Templates of the gallery that is searched.
const GALLERY: usize = 100;

/// Runs `work` between the marks.
fn marked<T>(stage: &str, work: impl FnOnce() -> T) -> T {
    println!("stage {stage}");
    // SAFETY: hints without a meaning.
    unsafe { asm!("hint #0x50") };
    let result = work();
    // SAFETY: as above.
    unsafe { asm!("hint #0x51") };
    result
}

/// Runs one frame of the visit by stages.
pub fn run(store: &Store, [detector, embedding, visit]: [&str; 3]) -> Result<(), Told> {
    let bytes = [read(store, detector)?, read(store, embedding)?, read(store, visit)?];
    let [detector, embedding, visit] = bytes.map(|bytes| &*bytes);
    let [detector, embedding] = [detector, embedding].map(ModelView::parse);
    let (detector, embedding) = (detector.map_err(Told::error)?, embedding.map_err(Told::error)?);
    let visit = Visit::parse(visit).map_err(Told::error)?;
    let frame = visit.frames().next().ok_or_else(|| Told::error("no frame"))?.frame;
    let Memory { arena, crop, .. } = ROOM.take().memory();
    println!("tier {}", Tier::detect().name());
    stages(detector, embedding, &frame, arena, crop).map_err(Told::error)
}

fn stages(
    detector: ModelView<'_>,
    embedding: ModelView<'_>,
    frame: &Frame<'_>,
    arena: &mut [u8],
    crop: &mut [u8],
) -> Result<(), &'static str> {
    let detector = Detector::new(Engine::new(detector)).map_err(|_| "no detector")?;
    marked("detect", || {
        detector.engine().load_corner(frame, arena)?;
        detector.engine().run_loaded(arena)
    })
    .map_err(|_| "the detector did not run")?;
    let mut faces = [Face::default(); 8];
    marked("faces", || detector.faces(arena, &Limits::default(), &mut faces))
        .map_err(|_| "no faces")?;
    let [face, ..] = faces;
    marked("align", || {
        let turn = align::similarity(&face.landmarks, &embedding.metadata().landmarks)?;
        align::warp(frame, &turn, crop, 112, 112)
    })
    .map_err(|_| "no face")?;
    let aligned = Frame::new(crop, 112, 112, 336).map_err(|_| "no crop")?;
    core::hint::black_box(marked("quality", || Quality::of(&aligned)));
    let mut values = [0.0; LEN];
    marked("embed", || Engine::new(embedding).run(crop, arena)?.embedding(&mut values))
        .map_err(|_| "the embedding network did not run")?;
    let template = marked("quantize", || Template::from_embedding(&values, embedding.id()))
        .map_err(|_| "no template")?;
    let mut rows = [0; GALLERY * LEN];
    rows.chunks_exact_mut(LEN).for_each(|row| row.copy_from_slice(template.values()));
    let norms = [template.inverse_norm().get(); GALLERY];
    let people: [u32; GALLERY] = core::array::from_fn(|at| at as u32);
    let found = marked("match", || {
        GalleryView::new(embedding.id(), LEN, &rows, &norms, &people)
            .map(|gallery| gallery.search(template.as_ref()))
    });
    match found {
        Ok(Ok(Some(best))) if best.person == 0 && best.cosine > 0.999 => Ok(()),
        _ => Err("the search did not find its own template"),
    }
}
