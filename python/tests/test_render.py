"""The renderers as operators, against the dense sum in double precision."""

import unittest

import torch

import neurosplat
from dense_sum import activated, draw, field, random_raw


def gradient_of(function, raw, seed=1):
    """Of a random weighing of the pictures."""
    leaf = raw.detach().clone().requires_grad_()
    picture = function(leaf)
    weights = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    (picture * weights.to(picture.dtype)).sum().backward()
    return leaf.grad


class Values(unittest.TestCase):
    def test_pictures_are_the_dense_sum(self):
        for batch, count, channels, height, width in ((4, 512, 3, 128, 128), (1, 1, 1, 2, 3), (3, 50, 2, 37, 64)):
            raw = random_raw(batch, count, channels)
            expected = draw(raw.double(), height, width)
            largest = field(activated(raw.double()), height, width).abs().max().item()
            drawn = neurosplat.render(raw, height, width)
            self.assertEqual(drawn.dtype, torch.float32)
            self.assertEqual(tuple(drawn.shape), (batch, channels, height, width))
            self.assertLess((drawn - expected).abs().max().item(), 1e-6 * max(1, largest))

    def test_field_of_activated_packets_is_the_dense_sum(self):
        active = activated(random_raw(2, 200).double())
        expected = field(active, 48, 64)
        drawn = neurosplat.render(active.float(), 48, 64, form="activated", output="linear")
        self.assertLess((drawn - expected).abs().max().item(), 2e-6 * max(1, expected.abs().max().item()))

    def test_dense_renderer_is_exact_in_double(self):
        raw = random_raw(2, 30, dtype=torch.float64)
        drawn = neurosplat.render(raw, 20, 24, renderer="dense")
        self.assertLess((drawn - draw(raw, 20, 24)).abs().max().item(), 1e-12)

    def test_packets_need_not_be_contiguous(self):
        raw = random_raw(2, 60)
        strided = raw.transpose(1, 2).contiguous().transpose(1, 2)
        self.assertFalse(strided.is_contiguous())
        self.assertTrue(torch.equal(neurosplat.render(strided, 32, 32), neurosplat.render(raw, 32, 32)))

    def test_activation(self):
        raw = random_raw(2, 70, dtype=torch.float64)
        self.assertLess((neurosplat.activate(raw) - activated(raw)).abs().max().item(), 1e-14)

    def test_number_of_threads_is_pytorchs(self):
        raw = random_raw(3, 100)
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            one = neurosplat.render(raw, 64, 64)
            torch.set_num_threads(2)
            self.assertLess((neurosplat.render(raw, 64, 64) - one).abs().max().item(), 2e-6)
        finally:
            torch.set_num_threads(threads)

    def test_autocast_draws_in_float32(self):
        raw = random_raw(1, 40).bfloat16()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            drawn = neurosplat.render(raw, 32, 32)
        self.assertTrue(torch.equal(drawn, neurosplat.render(raw.float(), 32, 32)))


class Gradients(unittest.TestCase):
    def assert_close(self, found, expected, tolerance):
        """By the norm of each of a packet's numbers."""
        error = (found.double() - expected).norm(dim=(0, 1)) / expected.norm(dim=(0, 1))
        self.assertLess(error.max().item(), tolerance)

    def test_gradients_are_those_of_the_dense_sum(self):
        for output in ("sigmoid", "linear"):
            raw = random_raw(4, 300)
            found = gradient_of(lambda packets: neurosplat.render(packets, 96, 64, output=output), raw)
            function = draw if output == "sigmoid" else lambda packets, *size: field(activated(packets), *size)
            self.assert_close(found, gradient_of(lambda packets: function(packets, 96, 64), raw.double()), 1e-5)

    def test_gradients_of_activated_packets(self):
        active = activated(random_raw(2, 100).double())
        found = gradient_of(lambda packets: neurosplat.render(packets, 40, 40, form="activated"), active.float())
        expected = gradient_of(lambda packets: torch.sigmoid(field(packets, 40, 40)), active)
        self.assert_close(found, expected, 1e-5)

    def test_gradcheck(self):
        raw = random_raw(1, 4, dtype=torch.float64).requires_grad_()
        dense = lambda packets: neurosplat.render(packets, 7, 6, renderer="dense")  # noqa: E731
        self.assertTrue(torch.autograd.gradcheck(dense, raw))
        self.assertTrue(torch.autograd.gradcheck(neurosplat.activate, raw))

    def test_gradients_of_activation(self):
        raw = random_raw(2, 90, dtype=torch.float64)
        self.assert_close(gradient_of(neurosplat.activate, raw), gradient_of(activated, raw), 1e-12)

    def test_a_second_derivative_is_refused(self):
        raw = random_raw(1, 5).requires_grad_()
        (first,) = torch.autograd.grad(neurosplat.render(raw, 8, 8).sum(), raw, create_graph=True)
        with self.assertRaisesRegex(RuntimeError, "expected one derivative"):
            first.sum().backward()

    def test_activation_of_patches(self):
        raw = torch.randn(2, 1, 3, 2, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        place, scale, correlation, colour, weight = raw.split([2, 2, 1, 3, 1], dim=4)
        expected = [
            place.tanh() + 0.5,
            4 * torch.sigmoid(scale - 0.5),
            correlation.tanh(),
            1.25 * torch.sigmoid(colour),
            64 * torch.sigmoid(0.125 * weight),
        ]
        found = neurosplat.activate_patches(raw, depth_gain=0.125, width_bias=-0.5, colour_limit=1.25)
        self.assertLess((found - torch.cat(expected, dim=4)).abs().max().item(), 1e-12)

    def test_patches(self):
        raw = torch.randn(1, 2, 3, 4, 9, generator=torch.Generator().manual_seed(0))
        splats = neurosplat.activate_patches(raw, depth_gain=0.125)
        self.assertEqual(tuple(neurosplat.render_patches(splats, 8).shape), (1, 3, 16, 24))
        found = gradient_of(lambda given: neurosplat.render_patches(given, 4, sharing="3x3"), splats)
        eager = lambda given: neurosplat.render_patches(given, 4, sharing="3x3", renderer="eager")  # noqa: E731
        self.assert_close(found.flatten(1, 3), gradient_of(eager, splats.double()).flatten(1, 3), 1e-4)
        double = raw[:, :1, :2, :2].double().requires_grad_()
        self.assertTrue(torch.autograd.gradcheck(lambda given: neurosplat.activate_patches(given), double))
        self.assertTrue(
            torch.autograd.gradcheck(
                lambda given: neurosplat.render_patches(given, 2, renderer="eager"),
                neurosplat.activate_patches(double.detach(), depth_gain=0.125).requires_grad_(),
            )
        )


class Refusals(unittest.TestCase):
    def test_wrong_arguments_name_what_was_expected(self):
        render, raw = neurosplat.render, random_raw(1, 3)
        nan = raw.clone()
        nan[0, 1, 2] = float("nan")
        cases = (
            (lambda: render(raw[0], 8, 8), r"packets: expected \[B >= 1, N >= 1, 5 \+ 2 \* channels\].*got \[3, 11\]"),
            (lambda: render(raw[:, :, :10], 8, 8), r"packets: expected .* got \[1, 3, 10\]"),
            (lambda: render(raw[:, :, :5], 8, 8), r"packets: expected .* got \[1, 3, 5\]"),
            (lambda: render(raw[:0], 8, 8), r"packets: expected .* got \[0, 3, 11\]"),
            (lambda: render(raw[:, :0], 8, 8), r"packets: expected .* got \[1, 0, 11\]"),
            (lambda: render(raw.half(), 8, 8), "packets: expected float32 or float64"),
            (lambda: render(raw.long(), 8, 8), "packets: expected float32 or float64"),
            (lambda: render(raw.double(), 8, 8, renderer="matrix"), "matrix renderer takes float32"),
            (lambda: render(nan, 8, 8), "finite"),
            (lambda: render(raw, 1, 8), "height, width: expected 2 to 65536 pixels, got 1 x 8"),
            (lambda: render(raw, 8, -8), "height, width: expected 2 to 65536 pixels, got 8 x -8"),
            (lambda: render(raw, 8, 10**9), "height, width: expected 2 to 65536 pixels"),
            (lambda: render(raw, 8, 8, form="cooked"), "form: expected raw or activated, got 'cooked'"),
            (lambda: render(raw, 8, 8, output="tanh"), "output: expected sigmoid or linear, got 'tanh'"),
            (lambda: render(raw, 8, 8, renderer="gpu"), "renderer: expected auto, dense, matrix or cuda, got 'gpu'"),
            (lambda: render(raw, 8, 8, cutoff=0.0), "cutoff: expected"),
            (lambda: render(raw, 8, 8, renderer="dense", chunk=0), "chunk: expected >= 1, got 0"),
            (lambda: neurosplat.activate(raw[0]), r"packets: expected .* got \[3, 11\]"),
            (lambda: neurosplat.render_patches(raw), r"splats: expected|got \[1, 3, 11\]"),
            (lambda: neurosplat.render_patches(torch.zeros(1, 1, 1, 1, 9), 0), "tile: expected 1 pixel or more"),
            (lambda: neurosplat.activate_patches(torch.zeros(1, 1, 1, 1, 9), depth_gain=0.0), "depth gain"),
        )
        for call, message in cases:
            with self.subTest(message=message):
                with self.assertRaisesRegex(ValueError, message) as caught:
                    call()
                self.assertEqual(str(caught.exception).count("\n"), 0, str(caught.exception))

    def test_wrong_arguments_of_the_way_back(self):
        back, raw = torch.ops.neurosplat.render_backward, random_raw(2, 3)
        picture = neurosplat.render(raw, 8, 8)
        cases = (
            (lambda: back(picture[0], raw, picture), "picture_gradient: expected"),
            (lambda: back(picture.double(), raw, picture), "picture_gradient: expected"),
            (lambda: back(picture, raw, picture[:, :, :4]), "pictures: expected the gradient's shape"),
            (lambda: back(picture, raw, None), "pictures: expected .* got an undefined tensor"),
            (lambda: back(picture, raw[:1], picture), "picture_gradient: expected"),
        )
        for call, message in cases:
            with self.subTest(message=message), self.assertRaisesRegex(ValueError, message):
                call()

    def test_wrong_types_are_no_crash(self):
        with self.assertRaises(RuntimeError):
            torch.ops.neurosplat.render("packets", 8, 8)
        with self.assertRaises(RuntimeError):
            torch.ops.neurosplat.render(random_raw(1, 3), 8.5, 8)
        with self.assertRaises((RuntimeError, NotImplementedError)):
            neurosplat.render(random_raw(1, 3).to_sparse(), 8, 8)


if __name__ == "__main__":
    unittest.main()
