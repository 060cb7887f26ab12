"""Styles: what lets one layout become different photographs, as a whole or object by object."""
