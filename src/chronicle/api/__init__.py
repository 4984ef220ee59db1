"""The HTTP surface: parse, call one domain function, render."""
