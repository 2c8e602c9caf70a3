//! The hair of the head, in three layers: behind everything, the cap on the skull, and what hangs beside the face.
//!
//! ```text
//!        ______            back     a hood behind neck and shoulders, for long or voluminous hair
//!      /  cap   \          cap      on the skull above the hairline, down to the sideburns
//!     | /~~~~~~\ |         locks    left and right of the face from the temples to `length`
//!     ||  face  ||
//! ```

use super::identity::{Hair, Identity};
use super::maths::{Point, at, bump, coverage, mix, mix_rgb, noise1, noise2, scale, smooth, unit};
use super::skull::{Outline, WIDEST};
use super::surface::{Picture, Surface};

/// Hair thinner than this lies under a hat.
const PRESSED: f32 = 3.0;

/// The hair of one portrait.
pub(super) struct Brush<'a> {
    hair: &'a Hair,
    texture: u32,
    /// Thickness beyond the skull, as pressed by a hat.
    volume: f32,
    pixel: f32,
}

impl<'a> Brush<'a> {
    pub(super) fn new(person: &'a Identity, hatted: bool, pixel: f32) -> Self {
        let volume = person.hair.volume;
        let volume = if hatted { volume.min(PRESSED) } else { volume };
        Self { hair: &person.hair, texture: person.texture, volume, pixel }
    }

    fn hangs(&self) -> bool {
        self.hair.length > -60.0
    }

    /// Edge noise: the bumps of curls, or the loose strands of straight hair.
    fn edge(&self, p: Point) -> f32 {
        let curls = noise2(at(p.x * 0.17, p.y * 0.17), self.texture ^ 11);
        let strands = noise2(at(p.x * 0.5, p.y * 0.5), self.texture ^ 12);
        self.hair.curl * self.volume.min(12.0) * 0.22 * curls + 0.5 * strands
    }

    /// Sideways swing of long hair at height `y`.
    fn swing(&self, y: f32, side: f32) -> f32 {
        self.hair.wave * noise1(y * 0.085 + side * 5.3, self.texture ^ 13) * smooth(-45.0, 0.0, y)
    }

    /// The material at `p`, a point along the head's axis; `lean` is the normal of the large shape.
    fn surface(&self, p: Point, normal: [f32; 3]) -> Surface {
        let hair = self.hair;
        // Straight strands fan out from the crown; curls have no direction.
        let drop = (p.y + 112.0).clamp(24.0, 96.0);
        let swing = 6.0 * hair.wave * noise1(p.y * 0.07, self.texture ^ 13);
        let fan = (p.x - hair.parting * smooth(0.0, -60.0, p.y) + swing) * 52.0 / drop;
        let strands = 0.6 * noise2(at(fan * 0.42, p.y * 0.02), self.texture ^ 14)
            + 0.4 * noise2(at(fan * 1.05, p.y * 0.035), self.texture ^ 15);
        let curls = 0.65 * noise2(at(p.x * 0.30, p.y * 0.30), self.texture ^ 16)
            + 0.35 * noise2(at(p.x * 0.62, p.y * 0.62), self.texture ^ 17);
        let tone = mix(strands, curls, hair.curl);
        let light = unit(0.5 + 0.62 * tone);
        let albedo = mix_rgb(
            scale(hair.colour, 0.62),
            hair.streak,
            light * light * mix(0.75, 0.5, hair.curl),
        );
        let lean = mix(0.35 * strands, 0.55 * curls, hair.curl);
        Surface {
            albedo,
            normal: [
                normal[0] * 1.15 + lean,
                normal[1] * 1.15 + 0.4 * lean * hair.curl,
                normal[2].max(0.25),
            ],
            gloss: (0.5 - 0.35 * hair.curl) * light,
        }
    }

    /// Paints the hair behind neck and shoulders.
    pub(super) fn paint_back(&self, picture: &mut Picture<'_>, outline: &Outline) {
        let (p, width) = (outline.at, outline.half_width);
        if self.hair.knot > 0.0 {
            let knot = p.from(at(0.0, -78.0 - self.hair.knot * 0.5));
            let cover = coverage(
                knot.length() - self.hair.knot + self.edge(outline.at),
                self.pixel.max(1.5),
            );
            let k = 0.8 / self.hair.knot;
            picture.cover(&self.surface(p, [knot.x * k, knot.y * k, 0.6]), cover);
        }
        if self.volume < 7.0 && !self.hangs() {
            return;
        }
        let hood = outline.distance - self.volume * smooth(24.0, -30.0, p.y);
        let fall = if self.hangs() {
            let side = p.x.signum();
            let flare = 0.04 * (p.y - WIDEST).max(0.0);
            let outer = width + self.volume * 0.8 + flare + self.swing(p.y, side);
            (p.x.abs() - outer).max(p.y - self.hair.length).max(WIDEST - 10.0 - p.y)
        } else {
            1e3
        };
        let cover = coverage(hood.min(fall) + self.edge(outline.at), self.pixel.max(1.6));
        if cover > 0.0 {
            let mut back = self.surface(p, [0.6 * p.x / width, outline.normal[1].min(0.0), 0.7]);
            back.darken(0.45 * smooth(-40.0, 10.0, p.y));
            picture.cover(&back, cover);
        }
    }

    /// Height of the hairline at `p`, a point of the head.
    fn hairline(&self, p: Point, half_width: f32) -> f32 {
        let hair = self.hair;
        let t = p.x.abs() / half_width;
        let temple = (t - 0.52) / 0.34;
        let jag = noise1(p.x * 0.42, self.texture ^ 18);
        let top = hair.hairline - hair.recession * bump(temple * temple) + 0.9 * jag;
        let lock = hair.fringe + hair.sweep * (p.x - hair.parting) + 0.16 * hair.fringe * jag;
        let front = top + lock.max(0.0) * smooth(0.99, 0.72, t);
        mix(front, hair.sideburn, smooth(0.74, 0.97, t + 0.02 * jag))
    }

    /// Paints the cap. `p` is the point of the head, `outline` the outline around it.
    pub(super) fn paint_cap(&self, picture: &mut Picture<'_>, p: Point, outline: &Outline) {
        let hair = self.hair;
        if hair.density <= 0.0 || outline.distance > self.volume * 1.3 + 4.0 {
            return;
        }
        let extra = self.volume * smooth(hair.sideburn + 6.0, -44.0, outline.at.y);
        let outer =
            outline.distance - extra + self.edge(outline.at) * smooth(0.5, 3.0, self.volume);
        let line = self.hairline(p, 0.985 * outline.half_width);
        let soft =
            if hair.density < 1.0 { 4.5 } else { mix(2.2, 1.4, smooth(2.0, 8.0, hair.fringe)) };
        let inner = coverage((p.y - line) * 0.8, self.pixel.max(soft));
        let cover = coverage(outer, self.pixel.max(1.4)) * inner * hair.density;
        if cover <= 0.0 {
            // A fringe or cap throws a little shadow on the forehead under it.
            let near =
                smooth(5.0, 0.0, p.y - line) * smooth(2.0, 5.0, hair.fringe.max(self.volume));
            picture.darken(0.25 * near * coverage(outline.distance, self.pixel) * hair.density);
            return;
        }
        let mut cap = self.surface(outline.at, outline.normal);
        // Hair darkens towards its roots at the hairline and at the parting.
        cap.darken(0.35 * smooth(-6.0, 0.0, p.y - line));
        let parted = hair.sweep != 0.0 || hair.recession < 0.0;
        if parted && hair.curl < 0.6 {
            let x = (outline.at.x - hair.parting).abs();
            cap.darken(0.5 * smooth(1.6, 0.3, x) * smooth(line + 1.0, line - 8.0, p.y));
        }
        picture.cover(&cap, cover);
    }

    /// Paints the hair that hangs beside the face, over ears and the edges of the cheeks.
    pub(super) fn paint_locks(&self, picture: &mut Picture<'_>, outline: &Outline) {
        if !self.hangs() {
            return;
        }
        let (p, width) = (outline.at, outline.half_width);
        let side = if p.x < 0.0 { -1.0 } else { 1.0 };
        let swing = self.swing(p.y, side);
        let below_chin = smooth(20.0, 60.0, p.y);
        let inner = mix(0.62 * width, self.hair.inner * width, smooth(-56.0, -24.0, p.y))
            - 0.16 * width * below_chin;
        let outer = width + self.volume * 0.8 + 0.04 * (p.y - WIDEST).max(0.0) + swing;
        // Above the ears the lock lies on the skull like the cap it falls from.
        let on_skull = outline.distance - 0.8 * self.volume;
        let end = self.hair.length + 2.5 * noise1(p.x * 0.3, self.texture ^ 19);
        let x = p.x.abs();
        let distance = (inner + 0.6 * swing - x).max(p.y - end).max(if p.y < WIDEST {
            on_skull
        } else {
            x - outer
        }) + self.edge(outline.at);
        let cover = coverage(distance, self.pixel.max(1.5));
        if cover > 0.0 {
            let round = ((x - inner) / (outer - inner).max(4.0) - 0.45) * 1.3 * side;
            let mut lock = self.surface(p, [round, -0.15, 0.8]);
            lock.darken(0.4 * smooth(4.0, 0.0, x - inner));
            picture.cover(&lock, cover);
        } else if x < inner {
            // Contact shadow on the cheek.
            picture
                .darken(0.28 * smooth(6.0, 0.0, distance) * coverage(outline.distance, self.pixel));
        }
    }
}
