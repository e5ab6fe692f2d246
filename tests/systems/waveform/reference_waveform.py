"""The original's four networks with PyTorch's own layers, in double precision.

Reads FOLDER/case.safetensors: weights under their names, pictures [B, 3, S, S], waveforms [B, E, L]. Writes
expected.safetensors: latent, waveform, waveform_latent, drawn (with skips where the decoder's sizes say so)."""

import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

folder = sys.argv[1]
w = {name: tensor.double() for name, tensor in load_file(folder + "/case.safetensors").items()}
pictures, waveforms = w.pop("pictures"), w.pop("waveforms")


def norm(x, name):
    return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"], w[name + ".bias"])


def linear(x, name):
    return F.linear(x, w[name + ".weight"], w[name + ".bias"])


def block(x, name, stride):
    h = F.relu(norm(F.conv2d(x, w[name + ".conv1.weight"], stride=stride, padding=1), name + ".bn1"))
    h = norm(F.conv2d(h, w[name + ".conv2.weight"], padding=1), name + ".bn2")
    if name + ".downsample.0.weight" in w:
        x = norm(F.conv2d(x, w[name + ".downsample.0.weight"], stride=stride), name + ".downsample.1")
    return F.relu(h + x)


mean = torch.tensor([0.485, 0.456, 0.406]).double().view(1, 3, 1, 1)
deviation = torch.tensor([0.229, 0.224, 0.225]).double().view(1, 3, 1, 1)
h = F.conv2d((pictures - mean) / deviation, w["image_encoder.conv1.weight"], stride=2, padding=3)
h = F.max_pool2d(F.relu(norm(h, "image_encoder.bn1")), 3, 2, 1)
maps = []
for layer in range(1, 5):
    for number in range(2):
        h = block(h, f"image_encoder.layer{layer}.{number}", 2 if layer > 1 and number == 0 else 1)
    maps.append(h)
latent = linear(F.adaptive_avg_pool2d(h, 1).flatten(1), "image_encoder.fc")

h = F.relu(linear(latent, "waveform_decoder.fc1"))
h = linear(F.relu(linear(h, "waveform_decoder.fc2")), "waveform_decoder.fc3")
waveform = h.view_as(waveforms)
h = F.relu(linear(waveforms.flatten(1), "waveform_encoder.fc1"))
waveform_latent = linear(h, "waveform_encoder.fc2")

side = pictures.shape[2] // 8
h = F.relu(linear(waveform_latent, "image_decoder.fc")).view(-1, 256, side, side)
leaky = w["image_decoder.up1.weight"].shape[0] == 512
for number, skip in ((1, maps[2]), (2, maps[1]), (3, maps[0])):
    if leaky:
        h = torch.cat([h, F.interpolate(skip, size=h.shape[2:], mode="bilinear", align_corners=False)], 1)
    name = f"image_decoder.up{number}"
    h = F.conv_transpose2d(h, w[name + ".weight"], w[name + ".bias"], stride=2, padding=1)
    h = torch.sigmoid(h) if number == 3 else F.relu(h)

save_file({"latent": latent, "waveform": waveform, "waveform_latent": waveform_latent, "drawn": h.contiguous()},
          folder + "/expected.safetensors")
