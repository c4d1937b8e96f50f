"""Drawing with diffusion models; the only folder of the renderer that imports torch."""
