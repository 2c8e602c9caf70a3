"""The training step of host-train's `train_step` bench in PyTorch: the same network, loss, optimizer and sizes.

Usage: torch_step.py nchw|nhwc [BATCH] [STEPS] [cpu|cuda] [fp32|tf32|amp]; prints one line of JSON. On cuda, fp32 is exact, tf32
is PyTorch's default for convolutions, amp is bfloat16 where PyTorch thinks it safe.
"""

import json
import math
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

STAGES = [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)]
CLASSES = 1000


def unit(inputs, outputs, kernel, stride=1, groups=1, padding=None, activation=True):
    padding = kernel // 2 if padding is None else padding
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.PReLU(outputs)] if activation else []))


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        wide = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            unit(inputs, wide, 1),
            unit(wide, wide, 3, stride, groups=wide),
            unit(wide, outputs, 1, activation=False),
        )

    def forward(self, x):
        y = self.body(x)
        return x + y if self.residual else y


class MobileFaceNet(nn.Module):
    """Table 1 of arXiv 1804.07573."""

    def __init__(self):
        super().__init__()
        layers, channels = [unit(3, 64, 3, 2), unit(64, 64, 3, groups=64)], 64
        for expansion, outputs, repeats, stride in STAGES:
            for i in range(repeats):
                layers.append(Bottleneck(channels, outputs, expansion, stride if i == 0 else 1))
                channels = outputs
        layers += [
            unit(128, 512, 1),
            unit(512, 512, 7, groups=512, padding=0, activation=False),
            unit(512, 128, 1, activation=False),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).flatten(1)


def arcface(embeddings, centres, labels, margin=0.5, scale=64.0):
    cosine = F.linear(F.normalize(embeddings), F.normalize(centres))
    target = cosine.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    moved = torch.cos(torch.acos(target) + margin)
    return F.cross_entropy(scale * cosine.scatter(1, labels[:, None], moved), labels)


def main():
    layout = sys.argv[1]
    given = sys.argv[2:] + ["32", "30", "cpu", "fp32"][len(sys.argv) - 2 :]
    batch, steps, device, precision = int(given[0]), int(given[1]), given[2], given[3]
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    memory_format = torch.channels_last if layout == "nhwc" else torch.contiguous_format
    torch.manual_seed(1)
    network = MobileFaceNet().to(device, memory_format=memory_format).train()
    centres = nn.Parameter((torch.randn(CLASSES, 128) / math.sqrt(128)).to(device))
    parameters = [*network.parameters(), centres]
    optimizer = torch.optim.SGD(parameters, lr=0.00625, momentum=0.9, weight_decay=4e-5)
    seconds = []
    warm_up = 3 if device == "cpu" else 10
    for step in range(steps + warm_up):
        pixels = torch.randint(0, 256, (batch, 3, 112, 112), dtype=torch.uint8)
        labels = torch.arange(batch, device=device) * 37 % CLASSES
        start = time.perf_counter()
        x = ((pixels.to(device).float() - 128) / 128).contiguous(memory_format=memory_format)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "amp"):
            embeddings = network(x)
        loss = arcface(embeddings.float(), centres, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        # Both programs look at every step's loss, so this waits for the device.
        loss.item()
        if step >= warm_up:
            seconds.append(time.perf_counter() - start)
    report = {
        "name": f"PyTorch {torch.__version__} {device} {precision} {layout}",
        "batch": batch,
        "images_per_second": round(batch / statistics.median(seconds), 1),
        "best": round(batch / min(seconds), 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
