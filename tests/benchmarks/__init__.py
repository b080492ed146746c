"""Tests of the measurements, on data made by this project."""
