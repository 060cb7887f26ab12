"""The memory bank of SIMS: segments of training photos, and how they are found again.

Source: Qi, Chen, Jia and Koltun, "Semi-parametric Image Synthesis", CVPR 2018, section 3; official code xjqicuhk/SIMS.
"""
