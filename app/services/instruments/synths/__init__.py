"""Synthesised instruments: leads, basses, pads, plucks, FM and chip voices, each a row of numbers or a small recipe."""
