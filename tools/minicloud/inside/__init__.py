"""What runs within the services' own processes, in the private environment.

Nothing here is imported by the commands that set a cloud up.
"""
