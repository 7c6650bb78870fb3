"""Small things that know no music service: units, time, dice."""
