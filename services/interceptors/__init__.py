"""What every call meets on its way in: faults, access, metrics, auth. Only shapes.py knows unary from stream."""
