"""The bundled model: an illustrator that draws captioned scenes, the training recipe, and the weights."""
