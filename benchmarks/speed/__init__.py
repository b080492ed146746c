"""How fast pisama is, as ratios taken in one run on one core, so that they hold on any machine."""
