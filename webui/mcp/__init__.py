"""Darkroom as a Model Context Protocol server: the tools, over whatever client they are given. Importing this loads no protocol."""
