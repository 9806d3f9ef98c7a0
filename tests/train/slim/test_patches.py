import numpy as np
import pytest
import tensorflow as tf

from train.slim.patches import Window, kernel_to_matrix, matrix_to_kernel, patches_at, sample_places


@pytest.fixture
def maps() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 5, 7, 4)).astype(np.float16)


def test_a_patch_times_the_kernels_matrix_is_the_convolution(maps: np.ndarray):
    kernel = np.random.default_rng(1).normal(size=(3, 3, 4, 6)).astype(np.float32)
    places = np.stack(np.divmod(np.arange(35), 7), axis=-1)[np.newaxis].repeat(3, axis=0)  # every place, borders too
    expected = tf.nn.conv2d(maps.astype(np.float32), kernel, 1, "SAME").numpy().reshape(-1, 6)
    np.testing.assert_allclose(patches_at(maps, places) @ kernel_to_matrix(kernel), expected, rtol=1e-4, atol=1e-4)


def test_a_matrix_becomes_the_kernel_it_was():
    kernel = np.arange(3 * 3 * 4 * 6, dtype=np.float32).reshape(3, 3, 4, 6)
    assert np.array_equal(matrix_to_kernel(kernel_to_matrix(kernel)), kernel)


def test_places_are_inside_distinct_and_no_more_than_there_are():
    places = sample_places(3, 5, 7, 60, np.random.default_rng(0))
    assert places.shape == (3, 21, 2)
    assert places.min() == 0
    assert places.max(axis=(0, 1)).tolist() == [4, 6]
    assert all(len({tuple(place) for place in picture}) == 21 for picture in places.tolist())
    assert sample_places(2, 2, 2, 1000, np.random.default_rng(0)).shape == (2, 4, 2)


@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_window_of_any_shape_sees_what_the_convolution_sees(strides: tuple[int, int], padding: str):
    rng = np.random.default_rng(0)
    maps, kernel = rng.normal(size=(2, 9, 8, 5)).astype(np.float16), rng.normal(size=(5, 4, 5, 3)).astype(np.float32)
    expected = tf.nn.conv2d(maps.astype(np.float32), kernel, strides, padding.upper()).numpy()
    places = np.stack(np.divmod(np.tile(np.arange(expected[0, ..., 0].size), (2, 1)), expected.shape[2]), axis=-1)
    patches = patches_at(maps, places, Window(5, 4, strides, is_padded=padding == "same"))
    np.testing.assert_allclose(
        (patches @ kernel_to_matrix(kernel)).reshape(expected.shape), expected, rtol=1e-3, atol=1e-3
    )
    assert np.array_equal(matrix_to_kernel(kernel_to_matrix(kernel), 5, 4), kernel)
