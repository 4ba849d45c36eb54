"""nbgrader's configuration of this course; every nbgrader command run in this folder reads it."""

c = get_config()  # noqa: F821 (nbgrader puts it there)

# The course's name, in the gradebook and in the exchange. The folder of the course stays the current one.
c.CourseDirectory.course_id = "rnn"

# What happens to a source notebook on its way to the students, in this order. It is nbgrader's own list, but for the
# three steps of autograder. They are given by name, so that reading this file imports nothing.
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",  # does nothing unless a header or footer is configured
    "nbgrader.preprocessors.InstantiateTests",  # does nothing unless a cell says AUTOTEST
    "nbgrader.preprocessors.LockCells",  # tests cannot be edited, graded cells cannot be deleted
    "autograder.release_steps.BlankSolutions",  # in the place of ClearSolutions: answers go, the skeleton stays
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",  # points and cells, to the gradebook, which keeps the hidden tests
    "nbgrader.preprocessors.ClearHiddenTests",  # between BEGIN HIDDEN TESTS and END HIDDEN TESTS
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",  # again: two steps above may have changed the text
    "nbgrader.preprocessors.CheckCellMetadata",
    "autograder.release_steps.ShipCompanions",  # rnn_utils, public_tests, requirements, README beside the notebook
    "autograder.release_steps.RefuseLeaks",  # always the last: no release in which a piece of a solution stands
]

# What happens to a submission in `nbgrader autograde`: nbgrader's own two lists, with autograder's steps among them.
# Student code runs in the sandbox and nowhere else: Execute, which would run it in a kernel beside the grades, is not
# in the list.
c.Autograde.sanitize_preprocessors = [
    "autograder.plugin.RestoreCells",  # metadata that Colab and others lose
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.plugin.GradeInSandbox",  # in the place of Execute: the outcome becomes the test cell's output
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "autograder.plugin.SaveFeedback",  # after SaveAutoGrades, which overwrites; before the late penalties
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
