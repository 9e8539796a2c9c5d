"""Simulated slides with exact truth: ideogram -> chromosome -> cluster -> metaphase."""

from chromview.simulate.chromosome import SimulatedChromosome, simulate_bent_chromosome, simulate_chromosome
from chromview.simulate.files import read_truth, write_simulated
from chromview.simulate.metaphase import Simulated, simulate_cluster, simulate_metaphase

__all__ = [
    "Simulated",
    "SimulatedChromosome",
    "read_truth",
    "simulate_bent_chromosome",
    "simulate_chromosome",
    "simulate_cluster",
    "simulate_metaphase",
    "write_simulated",
]
