"""Courses that a coding school could teach: units, lessons and quizzes with believable names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Course:
    """A course: units of (name, lessons in order); each unit ends with its quiz."""

    slug: str
    name: str
    units: tuple[tuple[str, tuple[str, ...]], ...]


COURSES = (
    Course(
        "data-m1",
        "Data Analysis Pathway - Module 1",
        (
            (
                "Getting Started",
                (
                    "Welcome to the Pathway",
                    "Set Up Your Workspace",
                    "How Data Teams Work",
                    "Your First Notebook",
                ),
            ),
            (
                "Python Foundations",
                (
                    "Variables and Types",
                    "Lists, Dictionaries & Loops",
                    "Functions",
                    "Reading Files",
                    "When Things Break: Reading Tracebacks",
                ),
            ),
            (
                "Working with Tables",
                (
                    "Meet the DataFrame",
                    "Filter, Sort, Group",
                    "Cleaning Messy Data",
                    "Joining Two Tables",
                    "Dates and Time Zones",
                ),
            ),
            (
                "SQL",
                (
                    "SELECT and WHERE",
                    "Aggregates and GROUP BY",
                    "Joins Without Tears",
                    "Subqueries and CTEs",
                    "Window Functions",
                ),
            ),
            (
                "Telling the Story",
                (
                    "Choosing a Chart",
                    "Plotting in Python",
                    "What the Numbers Don’t Say",
                    "Dashboards",
                    "Peer Feedback",
                ),
            ),
            (
                "Capstone",
                (
                    "Pick a Question",
                    "Find and Profile Your Data",
                    "Draft the Analysis",
                    "Present Your Findings",
                ),
            ),
        ),
    ),
    Course(
        "web-m1",
        "Web Development Pathway - Module 1",
        (
            (
                "Orientation",
                (
                    "Welcome & Community",
                    "Editors and Terminals",
                    "Version Control Basics",
                    "Asking Good Questions",
                ),
            ),
            (
                "HTML",
                (
                    "Structure of a Page",
                    "Links, Lists, Images",
                    "Forms",
                    "Accessibility from the Start",
                ),
            ),
            (
                "CSS",
                (
                    "Selectors & the Cascade",
                    "The Box Model",
                    "Flexbox",
                    "Grid",
                    'Responsive "Mobile-First" Layouts',
                ),
            ),
            (
                "JavaScript Basics",
                (
                    "Values and Variables",
                    "Conditions and Loops",
                    "Functions & Scope",
                    "Arrays and Objects",
                    "Debugging in the Browser",
                ),
            ),
            (
                "The Living Page",
                (
                    "The DOM",
                    "Events",
                    "Fetching Data",
                    "Storing State",
                ),
            ),
            (
                "Teamwork",
                (
                    "Branches and Pull Requests",
                    "Code Review",
                    "Project: Plan",
                    "Project: Build",
                    "Project: Demo Night",
                ),
            ),
        ),
    ),
    Course(
        "testing-m1",
        "Software Testing Pathway - Module 1",
        (
            ("First Steps", ("Why We Test", "Finding Your First Bug", "Bug Reports", "Test Plans")),
            ("Test Design", ("Boundaries", "Equivalence Classes", "Decision Tables", "Exploring")),
            (
                "Scripting",
                ("Shell Basics", "Python for Testers", "Data Files", "Regular Expressions"),
            ),
            ("Automation", ("Unit Tests", "Fixtures", "Browser Automation", "Flaky Tests")),
            ("APIs", ("HTTP in an Hour", "Reading JSON", "Contract Tests", "Load & Limits")),
            (
                "Delivery",
                ("Continuous Integration", "Release Notes", "Risk-Based Testing", "Retrospective"),
            ),
            ("Portfolio", ("Choose an Application", "Write the Strategy", "Show Your Work")),
        ),
    ),
    Course(
        "cloud-m1",
        "Cloud Support Pathway - Module 1",
        (
            (
                "Foundations",
                (
                    "What Is a Server?",
                    "Command Line I",
                    "Command Line II",
                    "Users & Permissions",
                    "Processes",
                ),
            ),
            (
                "Networks",
                (
                    "Addresses and Ports",
                    "Names: DNS",
                    "HTTP and TLS",
                    "Firewalls",
                    "Tracing a Problem",
                ),
            ),
            (
                "Machines in the Cloud",
                (
                    "Virtual Machines",
                    "Storage",
                    "Backups & Restores",
                    "Cost of a Mistake",
                    "Monitoring",
                ),
            ),
            (
                "Containers",
                (
                    "Images",
                    "Compose Two Services",
                    "Logs",
                    "Secrets",
                    "Health Checks",
                ),
            ),
            (
                "On Call",
                (
                    "Tickets That Help",
                    "Runbooks",
                    "Incident Practice",
                    "Writing the Review",
                    "Talking to Customers",
                    "Graduation Project",
                ),
            ),
        ),
    ),
)


def course(number: int) -> Course:
    """Return the course of the class with this 0-based number; later cohorts get a letter."""
    base = COURSES[number % len(COURSES)]
    again = number // len(COURSES)
    if not again:
        return base
    return Course(f"{base.slug}-c{again + 1}", f"{base.name} (Cohort {again + 1})", base.units)


def items(taught: Course) -> list[tuple[str, str, str]]:
    """Return (unit, name, type) of each assignment in order; a quiz closes each unit."""
    result = []
    for unit, lessons in taught.units:
        result += [(unit, lesson, "lesson") for lesson in lessons]
        result.append((unit, f"Quiz: {unit}", "quiz"))
    return result
