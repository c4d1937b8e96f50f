"""Drawing with diffusion models; the only folder of the renderer that imports torch."""

import os

os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "1"  # read when diffusers is imported; models never bring code
