"""Words for what can be seen in a picture: one that a case knows nothing of can't be what its measurements are about."""

from __future__ import annotations

_OBJECTS = """
dog puppy kitten cat horse cow sheep goat pig chicken duck goose bird parrot eagle owl fish shark whale dolphin turtle snake lizard frog spider insect
butterfly bee ant elephant lion tiger bear zebra giraffe monkey rabbit hamster squirrel deer wolf fox penguin animal pet
person people man men woman women child children baby boy girl crowd pedestrian cyclist driver doctor nurse patient player
hair beard moustache eyeglasses sunglasses hat helmet cap scarf glove shoe boot sock shirt trousers jeans dress skirt coat jacket tie suit uniform backpack
handbag suitcase umbrella wallet watch necklace earring bracelet wristband ruler marker
chair armchair couch sofa stool bench desk bed bunk crib cradle mattress pillow cushion blanket quilt towel curtain blind rug carpet wardrobe closet cupboard
cabinet shelf bookshelf bookcase drawer dresser mirror lamp lantern chandelier candle fireplace stove oven microwave refrigerator fridge freezer dishwasher
toaster kettle blender sink basin toilet bidet bathtub tub shower tap faucet washing-machine dryer vacuum iron television tv monitor laptop computer keyboard
printer telephone phone smartphone camera radio speaker headphone guitar piano violin drum trumpet book newspaper magazine painting poster picture photograph
clock vase pot plant flower houseplant tree bush grass leaf mushroom fruit apple banana orange lemon grape strawberry pineapple vegetable carrot tomato potato
bread cake pizza sandwich burger cheese egg rice soup salad cup mug glass bottle plate bowl fork knife spoon pan
car truck lorry bus van taxi bicycle bike motorcycle scooter train tram subway aeroplane airplane plane helicopter drone rocket ship boat yacht canoe ferry
wheel tyre engine road street highway sidewalk pavement crosswalk bridge tunnel traffic-light signpost billboard fence gate wall ceiling staircase stairs door
doorway window balcony terrace garage attic basement roof chimney tower castle church mosque temple house building skyscraper barn tent hotel hospital school
office classroom library restaurant cafe supermarket shop corridor hallway lobby elevator lift warehouse factory stadium playground park garden yard pool beach
desert mountain hill valley river lake sea ocean island waterfall forest jungle field meadow farm cave cliff sky cloud sun moon star rainbow lightning
ball bat racket skateboard surfboard ski snowboard kite frisbee toy doll teddy puzzle balloon gift flag sculpture statue fountain aquarium cage basket bucket
box crate barrel ladder hammer saw drill screwdriver shovel rope chain lock hook scissors pen pencil brush comb razor toothbrush soap
x-ray scan lesion tumour tumor nodule fracture pacemaker catheter tattoo scar watermark logo caption text signature barcode stamp border frame
"""
_CONDITIONS = """
night night-time nighttime daytime outdoor outdoors indoor indoors rain rainy snow snowy fog foggy mist haze sunset sunrise dusk dawn backlight backlit
overexposed underexposed grayscale greyscale monochrome black-and-white sepia fisheye panorama close-up selfie portrait
"""
#: what measurements, arguments and turns of phrase also use
_ORDINARY = frozenset(
    [
        "picture",
        "photograph",
        "people",
        "person",
        "star",
        "field",
        "park",
        "pool",
        "frame",
        "border",
        "text",
        "text",
        "text",
        "ground",
        "sun",
        "watch",
        "glass",
        "iron",
        "orange",
        "light",
        "scan",
        "marker",
        "ruler",
        "tie",
        "box",
        "chain",
        "lock",
        "hook",
        "pen",
        "brush",
        "bridge",
        "wall",
        "road",
        "gate",
        "people",
        "apple",
        "plane",
        "train",
        "field",
        "book",
        "house",
        "school",
        "library",
        "office",
        "shop",
        "cap",
        "suit",
        "bat",
        "ball",
        "engine",
        "wheel",
        "star",
        "frame",
        "stamp",
        "caption",
        "signature",
        "camera",
        "phone",
        "computer",
        "monitor",
        "speaker",
        "keyboard",
        "driver",
        "player",
        "patient",
        "child",
        "children",
        "flag",
        "drill",
        "saw",
        "bear",
        "duck",
        "window",
        "field",
        "tower",
        "cage",
        "fork",
        "lift",
        "cloud",
        "tree",
        "leaf",
        "root",
        "branch",
    ]
)
THINGS = frozenset(_OBJECTS.split()) | frozenset(_CONDITIONS.split())
STRANGE = THINGS - _ORDINARY
