"""How good the music is: many prompts through the real pipeline, the finished files judged by detectors of their own.

Rule: nothing that judges audio here comes from `app`; a fault there must not hide itself.
"""
