"""OpenC2: commands of OASIS OpenC2, and of the draft that the Powerwall connector of 2018 used."""
