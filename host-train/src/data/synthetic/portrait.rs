//! Puts a person and a photograph together: prepares the view once, then asks every brush at every pixel, back to
//! front. The picture is a pure function of the point, so any crop at any size is the same picture.

use super::dice::Purpose;
use super::film::Exposure;
use super::identity::Identity;
use super::maths::{Point, Rgb, at, coverage};
use super::projection::{Camera, Turn};
use super::shot::Shot;
use super::surface::{Picture, Surface};
use super::{beard, eyes, hair, mouth, nose, scene, skin, skull, worn};
use crate::data::FaceImage;

/// A prepared view of one person in one photograph.
struct Portrait<'a> {
    person: &'a Identity,
    shot: &'a Shot,
    turn: Turn,
    camera: Camera,
    /// Width of a pixel in head units: edges are this soft.
    pixel: f32,
    mouth: mouth::Pose,
    hair: hair::Brush<'a>,
    chin: Point,
}

/// The five landmarks on the picture plane, before the camera.
fn posed_landmarks(person: &Identity, turn: &Turn, mouth: &mouth::Pose) -> [Point; 5] {
    let on_face = |p: Point| turn.project(p, skull::depth(&person.head, p));
    let [left, right] = person.eyes.centres;
    let [mouth_left, mouth_right] = mouth.corners(&person.mouth);
    let nose = turn.project(person.nose.tip, nose::tip_depth(person));
    [on_face(left), on_face(right), nose, on_face(mouth_left), on_face(mouth_right)]
}

impl<'a> Portrait<'a> {
    fn new(person: &'a Identity, shot: &'a Shot, size: usize) -> Self {
        let turn = Turn::new(&shot.pose);
        let mouth = mouth::Pose::new(&person.mouth, &shot.expression);
        let camera = Camera::new(&posed_landmarks(person, &turn, &mouth), &shot.pose, size);
        let pixel = camera.pixel_width();
        let chin = at(0.0, person.head.chin + mouth.jaw());
        Self {
            person,
            shot,
            turn,
            camera,
            pixel,
            mouth,
            hair: hair::Brush::new(person, shot.worn.hat.is_some(), pixel),
            chin: turn.project(chin, 0.5 * person.head.depth),
        }
    }

    /// Linear light at a point of the picture plane.
    fn light_at(&self, plane: Point) -> Rgb {
        let (person, shot, turn, pixel) = (self.person, self.shot, &self.turn, self.pixel);
        let outline = skull::outline(&person.head, turn, plane, self.mouth.jaw());
        let mut picture = Picture::new(&shot.light, plane, scene::backdrop(&shot.scene, plane));
        self.hair.paint_back(&mut picture, &outline);
        scene::paint_body(&mut picture, pixel, person, &shot.scene, self.chin);
        beard::paint_below(&mut picture, pixel, person, turn, self.mouth.jaw());

        let p = turn.unproject_onto(plane, |p| skull::depth(&person.head, p));
        let face = coverage(outline.distance, pixel);
        if face > 0.0 {
            let mut head = outline.surface(person.skin.colour, 0.25 + 0.5 * person.skin.gloss);
            self.paint_face(&mut head, p, plane);
            picture.cover(&head, face);
        }
        self.hair.paint_cap(&mut picture, p, &outline);
        scene::paint_ears(&mut picture, pixel, person, turn, &outline);
        self.hair.paint_locks(&mut picture, &outline);
        let worn = &shot.worn;
        if let Some(mask) = worn.mask {
            worn::paint_mask(&mut picture, p, pixel, person, &outline, mask);
        }
        if let Some(tint) = worn.glasses {
            worn::paint_glasses(&mut picture, pixel, person, turn, &outline, tint);
        }
        if let Some(hat) = worn.hat {
            worn::paint_hat(&mut picture, p, pixel, &outline, hat);
        }
        if let Some(hand) = worn.hand {
            worn::paint_hand(&mut picture, pixel, person, hand);
        }
        picture.lit()
    }

    fn paint_face(&self, head: &mut Surface, p: Point, plane: Point) {
        let (person, expression, pixel) = (self.person, &self.shot.expression, self.pixel);
        skin::paint(head, p, pixel, person, expression);
        eyes::paint(head, p, pixel, person, expression);
        // The jaw carries lower lip and beard down with it.
        beard::paint(head, p, pixel, person, &self.mouth);
        mouth::paint(head, p, pixel, person, &self.mouth);
        let on_nose = nose::place(person, &self.turn, plane);
        nose::paint(head, on_nose, pixel, person, &self.turn);
    }
}

/// Draws `person` in photograph `shot` as a square of `size` pixels a side, framed as an ArcFace crop.
///
/// A pure function: the same arguments give the same bytes on every machine.
pub fn draw(person: &Identity, shot: &Shot, size: usize) -> FaceImage {
    let portrait = Portrait::new(person, shot, size);
    let pixels = (0..size * size)
        .map(|i| portrait.light_at(portrait.camera.plane((i % size) as f32, (i / size) as f32)))
        .collect();
    let grain = &mut person.dice(Purpose::Grain, shot.number);
    let rgb = Exposure { size, pixels }.develop(&shot.film, grain);
    FaceImage { width: size, height: size, rgb }
}

/// Where [`draw`] puts the five landmarks, in pixels of a crop of `size` a side: eyes, nose tip, corners of the
/// mouth, left of the image first. Near [`super::TEMPLATE`] scaled to `size` unless the pose moves them away.
pub fn landmarks(person: &Identity, shot: &Shot, size: usize) -> [[f32; 2]; 5] {
    let portrait = Portrait::new(person, shot, size);
    posed_landmarks(person, &portrait.turn, &portrait.mouth).map(|p| portrait.camera.pixel(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synthetic::Difficulty;

    #[test]
    fn every_point_sends_finite_light() {
        let difficulty = Difficulty {
            yaw: 1.2,
            pitch: 1.2,
            roll: 1.5,
            light: 1.5,
            expression: 1.5,
            glasses_odds: 0.5,
            hat_odds: 0.5,
            mask_odds: 0.5,
            hand_odds: 0.5,
            ..Difficulty::default()
        };
        for index in 0..60 {
            let person = Identity::draw(9, index);
            let shot = Shot::draw(&person, index, &difficulty);
            let portrait = Portrait::new(&person, &shot, 64);
            for (x, y) in (-40..=40).flat_map(|x| (-40..=40).map(move |y| (x, y))) {
                let plane = at(x as f32 * 4.0, y as f32 * 4.0);
                let light = portrait.light_at(plane);
                assert!(
                    light.iter().all(|c| (0.0..8.0).contains(c)),
                    "{index} at {plane:?}: {light:?}"
                );
            }
        }
    }
}
