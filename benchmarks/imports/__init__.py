"""How well somebody's Keras model comes through."""
