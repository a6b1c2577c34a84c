"""Builds the generator and the SFU to compare with, into the cache."""

from teleward_testing.go_programs import main
from teleward_testing.media_load.generator import GENERATOR
from teleward_testing.media_load.servers import SFU_PION

main(GENERATOR, SFU_PION)
