"""The pure scheduling core: values in, values out; `now` is always an argument."""
