//! Several templates of one person held against each other, and against everybody who is enrolled.

use super::{Photo, Refusal};
use crate::store::StoredTemplate;
use crate::watch::{Roster, RosterError};
use edge_infer::matching::{Match, TemplateRef, cosine};

/// Pictures of one person.
#[derive(Debug, Default)]
pub struct Album {
    /// Those to enrol, in the order given.
    pub photos: Vec<Photo>,
    /// Those that are not, by name, with the reason.
    pub refused: Vec<(String, Refusal)>,
}

/// How much the pictures of one person differ. The more they do, the more of the door's days and nights they cover.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Mean cosine of all pairs.
    pub cosine: f32,
    /// From the leftmost to the rightmost turn of the head, in the unit of [`Pose::yaw`](edge_infer::image::quality::Pose::yaw).
    pub yaw: f32,
    /// From the darkest to the brightest face, 0 to 255.
    pub brightness: f32,
}

impl Album {
    /// Adds a picture, or the reason why not.
    pub fn add(&mut self, name: &str, photo: Result<Photo, Refusal>) {
        match photo {
            Ok(photo) => self.photos.push(photo),
            Err(refusal) => self.refused.push((name.to_owned(), refusal)),
        }
    }

    /// Takes out pictures that are like another one from the cosine `same` on, and those that are not like the one that is most like
    /// all of them, by the cosine `least`.
    ///
    /// Of two pictures that do not look alike, nobody can tell which is the wrong one; the first is kept.
    pub fn sort_out(&mut self, same: f32, least: f32) {
        let mut kept: Vec<Photo> = Vec::new();
        for photo in core::mem::take(&mut self.photos) {
            let alike = kept.iter().map(|other| (other, likeness(other, &photo)));
            match alike.filter(|(_, cosine)| *cosine >= same).max_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((other, cosine)) => {
                    let other = other.name.clone();
                    self.refused.push((photo.name, Refusal::Same { other, cosine }));
                }
                None => kept.push(photo),
            }
        }
        let sums = kept.iter().map(|a| kept.iter().map(|b| likeness(a, b)).sum::<f32>());
        // The first of equal ones, as `max_by` would give the last.
        let middle =
            sums.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        let Some(middle) = middle.map(|(index, _)| kept[index].clone()) else { return };
        for photo in kept {
            let cosine = likeness(&middle, &photo);
            if photo.name == middle.name || cosine >= least {
                self.photos.push(photo);
            } else {
                let other = middle.name.clone();
                self.refused.push((photo.name, Refusal::Outlier { other, cosine, least }));
            }
        }
    }

    /// Takes out pictures that a person is enrolled with already, which one of their `templates` shows by the cosine `same` or more.
    pub fn sort_out_known<'a>(
        &mut self,
        templates: impl Iterator<Item = &'a StoredTemplate> + Clone,
        same: f32,
    ) {
        for photo in core::mem::take(&mut self.photos) {
            // A stored one that can't be compared is dormant or damaged, and shows nothing.
            let cosines = templates.clone().filter_map(|stored| {
                let stored =
                    TemplateRef::from_values(&stored.values, stored.pipeline.model).ok()?;
                cosine(photo.template(), stored).ok()
            });
            match cosines.max_by(f32::total_cmp).filter(|cosine| *cosine >= same) {
                Some(cosine) => self.refused.push((photo.name, Refusal::Known { cosine })),
                None => self.photos.push(photo),
            }
        }
    }

    /// How much the pictures differ; `None` if there are fewer than two.
    pub fn spread(&self) -> Option<Spread> {
        let pairs =
            self.photos.iter().enumerate().flat_map(|(index, a)| {
                self.photos.iter().skip(index + 1).map(move |b| likeness(a, b))
            });
        let (sum, count) =
            pairs.fold((0.0, 0_u16), |(sum, count), cosine| (sum + cosine, count + 1));
        let range = |value: fn(&Photo) -> f32| {
            let values = self.photos.iter().map(value);
            values.clone().fold(f32::MIN, f32::max) - values.fold(f32::MAX, f32::min)
        };
        (count > 0).then(|| Spread {
            cosine: sum / f32::from(count),
            yaw: range(|photo| photo.pose.yaw),
            brightness: range(|photo| photo.brightness),
        })
    }
}

impl Spread {
    /// What would make the pictures cover more; `None` if they differ enough.
    pub fn advice(&self) -> Option<&'static str> {
        if self.brightness < 20.0 {
            Some(
                "all pictures have the same light: add one taken at the door at another time of day",
            )
        } else if self.yaw < 0.1 {
            Some("all pictures show the same pose: add one with the head turned a little")
        } else {
            None
        }
    }
}

/// Who is enrolled already and, from the cosine `least` on, looks like one of the pictures: the closest.
///
/// # Errors
/// The roster can't be searched.
pub(super) fn look_alike(
    album: &Album,
    roster: &Roster,
    least: f32,
) -> Result<Option<Match>, RosterError> {
    let mut closest: Option<Match> = None;
    for photo in &album.photos {
        let Some(found) = roster.search(photo.template(), None)? else { continue };
        let found = Match { person: found.best.person, cosine: found.best.cosine };
        if found.cosine >= least && closest.is_none_or(|best| found.cosine > best.cosine) {
            closest = Some(found);
        }
    }
    Ok(closest)
}

fn likeness(a: &Photo, b: &Photo) -> f32 {
    cosine(a.template(), b.template()).expect("an album is of one model")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{NewTemplate, People, Pipeline, PreprocessingId, Profile, Source};

    fn album(photos: &[(&str, [i8; 3])]) -> Album {
        let photos = photos.iter().map(|(name, values)| Photo::drawn(name, values)).collect();
        Album { photos, refused: Vec::new() }
    }

    fn names(album: &Album) -> Vec<&str> {
        album.photos.iter().map(|photo| photo.name.as_str()).collect()
    }

    #[test]
    fn rejects_the_same_picture_twice() {
        let mut album = album(&[("a", [127, 0, 0]), ("b", [100, 60, 0]), ("c", [127, 1, 0])]);
        album.sort_out(0.999, 0.25);
        assert_eq!(names(&album), ["a", "b"]);
        let [(name, Refusal::Same { other, cosine })] = &album.refused[..] else { unreachable!() };
        assert_eq!((name.as_str(), other.as_str()), ("c", "a"));
        assert!(*cosine > 0.999);
    }

    /// frigate drops gallery outliers; here the wrong picture is not even enrolled.
    #[test]
    fn rejects_a_picture_of_somebody_else_wherever_it_stands() {
        for place in 0..3 {
            let mut photos = vec![("a", [127, 10, 0]), ("b", [127, 50, 0])];
            photos.insert(place, ("wrong", [0, 10, 127]));
            let mut album = album(&photos);
            album.sort_out(0.999, 0.25);
            assert_eq!(names(&album), ["a", "b"], "{place}");
            let [(name, Refusal::Outlier { least, .. })] = &album.refused[..] else {
                unreachable!()
            };
            assert_eq!((name.as_str(), *least), ("wrong", 0.25));
        }
    }

    #[test]
    fn of_two_that_differ_the_first_is_kept() {
        let mut album = album(&[("a", [127, 0, 0]), ("b", [0, 127, 0])]);
        album.sort_out(0.999, 0.25);
        assert_eq!(names(&album), ["a"]);
    }

    #[test]
    fn irlume_312_spread_is_measured_and_more_light_asked_for() {
        let mut two = album(&[("a", [127, 0, 0]), ("b", [76, 102, 0])]);
        assert_eq!(album(&[("a", [1, 0, 0])]).spread(), None);
        let spread = two.spread().unwrap();
        assert!((spread.cosine - 0.597).abs() < 0.01, "{spread:?}");
        assert!(spread.advice().unwrap().contains("light"));
        two.photos[0].brightness = 40.0;
        let spread = two.spread().unwrap();
        assert_eq!(spread.brightness, 60.0);
        assert!(spread.advice().unwrap().contains("pose"));
        two.photos[1].pose.yaw = -0.2;
        assert_eq!(two.spread().unwrap().advice(), None);
    }

    /// One person, who has one template.
    fn ada() -> (People, Pipeline) {
        let enrolled = Photo::drawn("old", &[127, 0, 0]);
        let preprocessing = PreprocessingId([3; 16]);
        let template = enrolled.template();
        let pipeline = Pipeline { model: template.model(), preprocessing };
        let mut people = People::default();
        let profile = Profile { name: "Ada".to_owned(), ..Profile::default() };
        let new = NewTemplate { template, preprocessing, source: Source::Picture };
        people.enrol(profile, &[new], 0).unwrap();
        (people, pipeline)
    }

    #[test]
    fn rejects_a_picture_that_the_person_is_enrolled_with() {
        let (people, pipeline) = ada();
        let ada = people.iter().next().unwrap();
        let mut album = album(&[("a", [127, 1, 0]), ("b", [127, 60, 0])]);
        let other = Pipeline { preprocessing: PreprocessingId([4; 16]), ..pipeline };
        album.sort_out_known(ada.templates_of(&other), 0.999);
        assert_eq!(names(&album), ["a", "b"], "dormant");
        album.sort_out_known(ada.templates_of(&pipeline), 0.999);
        assert_eq!(names(&album), ["b"]);
        let [(name, Refusal::Known { cosine })] = &album.refused[..] else { unreachable!() };
        assert!(name == "a" && *cosine > 0.999);
    }

    #[test]
    fn face_recognition_auth_29_who_is_enrolled_already_is_found() {
        let (people, pipeline) = ada();
        let roster = Roster::new(&people, &pipeline, 3).unwrap();
        let same = album(&[("x", [0, 0, 127]), ("y", [127, 40, 0])]);
        let found = look_alike(&same, &roster, 0.5).unwrap().unwrap();
        assert_eq!(found.person, people.iter().next().unwrap().id.0);
        let other = album(&[("x", [0, 0, 127]), ("y", [0, 127, 3])]);
        assert_eq!(look_alike(&other, &roster, 0.5).unwrap(), None);
    }
}
