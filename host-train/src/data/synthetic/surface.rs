//! One point of the picture before and after light: a material, and the light model that turns it into colour.
//!
//! Brushes only change materials; light falls once, at the end. So a brow or a lip is lit like the skin under it.

use super::maths::{Point, Rgb, mix, mix_rgb, normalise, scale, smooth};
use super::shot::Light;

/// What is at one point of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Surface {
    pub(super) albedo: Rgb,
    /// Points out of the surface; not of unit length until it is lit.
    pub(super) normal: [f32; 3],
    /// Strength of the highlight, 0..1.
    pub(super) gloss: f32,
}

impl Surface {
    /// A matt surface facing the camera.
    pub(super) fn flat(albedo: Rgb) -> Self {
        Self { albedo, normal: [0.0, 0.0, 1.0], gloss: 0.0 }
    }

    /// Lays `other`, part of the same solid, over this with opacity `alpha`.
    pub(super) fn cover(&mut self, other: &Surface, alpha: f32) {
        self.albedo = mix_rgb(self.albedo, other.albedo, alpha);
        self.normal = mix_rgb(self.normal, other.normal, alpha);
        self.gloss = mix(self.gloss, other.gloss, alpha);
    }

    /// Paints with opacity `alpha`, keeping relief and gloss.
    pub(super) fn tint(&mut self, albedo: Rgb, alpha: f32) {
        self.albedo = mix_rgb(self.albedo, albedo, alpha);
    }

    /// Takes away the share `amount` of the reflected light: creases, hollows, shadows of contact. Red goes last,
    /// as it does in skin.
    pub(super) fn darken(&mut self, amount: f32) {
        let k = 1.0 - amount;
        self.albedo =
            [self.albedo[0] * mix(k, 1.0, 0.12 * amount), self.albedo[1] * k, self.albedo[2] * k];
    }

    /// Tilts the normal down a slope: `slope` is the gradient of height towards the camera.
    pub(super) fn tilt(&mut self, slope: Point) {
        self.normal[0] -= slope.x;
        self.normal[1] -= slope.y;
    }

    /// The linear light that the surface at `place` of the picture plane sends to the camera.
    pub(super) fn lit(&self, light: &Light, place: Point) -> Rgb {
        let normal = normalise(self.normal);
        let facing = dot(normal, light.direction);
        // Wrapped Lambert: light creeps a little around the edge, as it does in skin.
        let diffuse = ((facing + 0.3) / 1.3).max(0.0);
        let key = match light.shadow {
            Some((across, offset, remains)) => {
                let side = place.x * across.x + place.y * across.y - offset;
                scale(light.key, mix(1.0, remains, smooth(-7.0, 7.0, side)))
            }
            None => light.key,
        };
        let [above, below] = light.ambient;
        let ambient = mix_rgb(below, above, 0.5 - 0.5 * normal[1]);
        let halfway = normalise([light.direction[0], light.direction[1], light.direction[2] + 1.0]);
        let shine = dot(normal, halfway).max(0.0);
        let shine = {
            let s = shine * shine;
            let s = s * s;
            let s = s * s;
            s * s
        };
        let highlight = shine * self.gloss * 0.22;
        core::array::from_fn(|c| {
            self.albedo[c] * (key[c] * diffuse + ambient[c]) + key[c] * highlight
        })
    }
}

/// One point of the picture while solids are laid over one another, back to front.
///
/// Where the edge of a solid crosses a pixel, what lies behind is lit on its own and only the light is mixed: the
/// mean of two normals that lean apart would face the camera and glint along every outline.
#[derive(Clone, Copy)]
pub(super) struct Picture<'a> {
    light: &'a Light,
    /// The point of the picture plane.
    pub(super) place: Point,
    /// Light already settled behind `top`, weighted by its share of the pixel.
    behind: Rgb,
    top: Surface,
    /// Share of the pixel that `top` has.
    share: f32,
}

impl<'a> Picture<'a> {
    /// The point `place` with nothing but `backdrop`.
    pub(super) fn new(light: &'a Light, place: Point, backdrop: Surface) -> Self {
        Self { light, place, behind: [0.0; 3], top: backdrop, share: 1.0 }
    }

    /// Lays another solid in front with opacity `alpha`.
    pub(super) fn cover(&mut self, solid: &Surface, alpha: f32) {
        if alpha <= 0.0 {
            return;
        }
        self.behind = if alpha < 1.0 { scale(self.lit(), 1.0 - alpha) } else { [0.0; 3] };
        (self.top, self.share) = (*solid, alpha);
    }

    /// Paints with opacity `alpha` on what is there: a film without relief of its own.
    pub(super) fn tint(&mut self, albedo: Rgb, alpha: f32) {
        let film = Surface { albedo, ..self.top };
        self.cover(&film, alpha);
    }

    /// Takes away the share `amount` of the light of everything there.
    pub(super) fn darken(&mut self, amount: f32) {
        self.top.darken(amount);
        self.behind = scale(self.behind, 1.0 - amount);
    }

    /// The linear light the camera receives.
    pub(super) fn lit(&self) -> Rgb {
        let top = self.top.lit(self.light, self.place);
        core::array::from_fn(|c| self.behind[c] + self.share * top[c])
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::super::maths::at;
    use super::*;

    fn lamp(direction: [f32; 3]) -> Light {
        Light { direction, key: [1.0; 3], ambient: [[0.2; 3], [0.1; 3]], shadow: None }
    }

    #[test]
    fn a_wall_facing_the_lamp_sends_its_albedo_times_the_light() {
        let lit = Surface::flat([0.5, 0.2, 0.0]).lit(&lamp([0.0, 0.0, 1.0]), at(0.0, 0.0));
        assert!(
            (lit[0] - 0.5 * 1.15).abs() < 1e-6
                && (lit[1] - 0.2 * 1.15).abs() < 1e-6
                && lit[2] == 0.0
        );
    }

    #[test]
    fn the_side_towards_the_lamp_is_the_brighter() {
        let (mut left, mut right) = (Surface::flat([0.5; 3]), Surface::flat([0.5; 3]));
        left.tilt(at(0.6, 0.0)); // height rises to the right: faces left
        right.tilt(at(-0.6, 0.0));
        let from_left = lamp(normalise([-1.0, 0.0, 1.0]));
        assert!(
            left.lit(&from_left, at(0.0, 0.0))[0] > 1.5 * right.lit(&from_left, at(0.0, 0.0))[0]
        );
    }

    #[test]
    fn an_edge_between_solids_never_outshines_both() {
        let light = lamp([0.0, 0.0, 1.0]);
        let leaning = |x| Surface { albedo: [0.5; 3], normal: [x, 0.0, 0.2], gloss: 1.0 };
        let (left, right) = (leaning(-1.0), leaning(1.0));
        let place = at(0.0, 0.0);
        let alone = left.lit(&light, place)[0];
        let mut picture = Picture::new(&light, place, left);
        picture.cover(&right, 0.5);
        assert!((picture.lit()[0] - alone).abs() < 1e-6);
        picture.cover(&Surface::flat([0.5; 3]), 1.0);
        assert_eq!(picture.lit(), Surface::flat([0.5; 3]).lit(&light, place));
    }

    #[test]
    fn a_cast_shadow_leaves_its_share_of_the_key_light() {
        let wall = Surface::flat([1.0; 3]);
        let light = Light { shadow: Some((at(1.0, 0.0), 0.0, 0.25)), ..lamp([0.0, 0.0, 1.0]) };
        let (shade, sun) =
            (wall.lit(&light, at(10.0, 0.0))[0], wall.lit(&light, at(-10.0, 0.0))[0]);
        assert!((sun - 1.15).abs() < 1e-6 && (shade - 0.4).abs() < 1e-6);
    }
}
