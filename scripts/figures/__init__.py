"""The course's figures, drawn as plain SVG text: one module per assignment, one visual language in `canvas`."""
