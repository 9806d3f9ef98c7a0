"""The formats around the pixels: walked here before a decoder runs, one file a format.

A format lets a file of a few kilobytes ask for hours or gigabytes: thousands of scans over one
JPEG, tiles larger than the picture, megabytes of compressed text. Pillow and the libraries
behind it check that a file keeps to its format's rules, not what it costs. Each walk follows the
container's own lengths in a few milliseconds, decodes nothing, and passes on to the decoder only
what pixels need. So comments, editing histories and the like cost nothing however many there are,
damage in them hurts no picture, and what they make Pillow warn of is never reached.
tests/support/hostile_pictures.py holds the files that made each limit necessary.
"""
