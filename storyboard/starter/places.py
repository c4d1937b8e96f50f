"""Every place by name, and how the background is drawn for a shot and a camera angle."""

from collections.abc import Callable, Mapping

from PIL import Image

from storyboard.starter import places_built, places_indoor, places_nature
from storyboard.starter.scenery import Light, Scenery
from storyboard.starter.spec import SceneSpec, indoors

PLACES: Mapping[str, Callable[[Scenery], None]] = {
    "park": places_nature.park,
    "beach": places_nature.beach,
    "forest": places_nature.forest,
    "street": places_built.street,
    "city": places_built.city,
    "mountain": places_nature.mountain,
    "desert": places_nature.desert,
    "lake": places_nature.lake,
    "bridge": places_built.bridge,
    "boat": places_built.boat,
    "garden": places_nature.garden,
    "farm": places_built.farm,
    "market": places_built.market,
    "castle": places_built.castle,
    "moon": places_nature.moon,
    "rooftop": places_built.rooftop,
    "snow field": places_nature.snow_field,
    "campsite": places_nature.campsite,
    "harbour": places_built.harbour,
    "cafe": places_indoor.cafe,
    "kitchen": places_indoor.kitchen,
    "bedroom": places_indoor.bedroom,
    "living room": places_indoor.living_room,
    "office": places_indoor.office,
    "library": places_indoor.library,
    "classroom": places_indoor.classroom,
    "train": places_indoor.train,
    "museum": places_indoor.museum,
    "theatre": places_indoor.theatre,
    "spaceship": places_indoor.spaceship,
    "cave": places_nature.cave,
}
ZOOM: Mapping[str, float] = {"wide": 1.0, "full": 1.05, "medium": 1.2, "close-up": 1.35}
HORIZON: Mapping[str, float] = {"eye": 0.6, "high": 0.42, "low": 0.76}


def draw_place(image: Image.Image, spec: SceneSpec, light: Light) -> Scenery:
    """Fills the picture with the place; returns the brush, so that rain or snow can fall in front later."""
    horizon = HORIZON[spec.angle] + (0.06 if indoors(spec) else 0.0)
    scenery = Scenery(image, spec, light, horizon, ZOOM[spec.shot])
    PLACES[spec.place](scenery)
    return scenery
